import Foundation
import JSON
import Testing
import Time

@testable import Ledger

@Suite struct EntryTests {
  static let text = """
    {"body":{"a":1.50,"b":[]},"index":7,"kind":"held","subject":"cs_1",\
    "time":"2026-11-22T19:40:42.117Z"}
    """

  @Test func anEntryIsItsCanonicalBytes() throws {
    let entry = try Entry.parse(Array(Self.text.utf8))
    #expect(entry.index == 7)
    #expect(entry.kind == "held")
    #expect(entry.subject == "cs_1")
    #expect(entry.time.rfc3339 == "2026-11-22T19:40:42.117Z")
    #expect(entry.body["a"]?.intValue == nil)
    #expect(entry.canonicalBytes == Array(Self.text.utf8))
  }

  @Test func anEntryWithoutSubjectOmitsIt() throws {
    let entry = Entry(index: 0, time: Timestamp(milliseconds: 0), kind: "gap")
    let text = #"{"body":{},"index":0,"kind":"gap","time":"1970-01-01T00:00:00.000Z"}"#
    #expect(entry.canonicalBytes == Array(text.utf8))
    #expect(try Entry.parse(Array(text.utf8)) == entry)
  }

  @Test(
    "Another spelling of an entry is no entry",
    arguments: [
      (#"{"body""#, #"{ "body""#), (#""index":7"#, #""index":7.0"#), ("}", "}\n"),
      (#""index":7"#, #""index":07"#), (#""held""#, #""he\u006cd""#),
      (#"[]},"index":7"#, #"[]},"subject":null,"index":7"#), (#""index":7"#, #""index":-7"#),
      (#""held""#, #""""#), ("42.117Z", "42.117+00:00"), ("42.117Z", "42.1170Z"),
      ("42.117Z", "42Z"), (#""kind""#, #""extra":1,"kind""#), (#""kind":"held","#, ""),
      (#""kind":"held""#, #""kind":"held","kind":"held""#), (#""cs_1""#, "null"),
      (#""cs_1""#, #""""#), (#"{"a":1.50,"b":[]}"#, "[]"), (#""a":1.50,"b":[]"#, #""b":[],"a":1"#),
    ])
  func otherSpellings(part: String, replacement: String) throws {
    let range = try #require(Self.text.range(of: part, options: .backwards))
    let changed = Self.text.replacingCharacters(in: range, with: replacement)
    let error = #expect(throws: LedgerError.self) { try Entry.parse(Array(changed.utf8)) }
    #expect(error?.code == .badEntry || error?.code == .notCanonical)
  }

  @Test func theIndexIsSpelledInOneWay() {
    let text = #"{"body":{},"index":-0,"kind":"gap","time":"1970-01-01T00:00:00.000Z"}"#
    let error = #expect(throws: LedgerError.self) { try Entry.parse(Array(text.utf8)) }
    #expect(error?.code == .notCanonical)
  }

  @Test func kindAndSubjectHaveLimits() {
    let kind = Text(String(repeating: "k", count: Entry.kindLimit))
    let entry = Entry(index: 0, time: Timestamp(milliseconds: 0), kind: kind)
    #expect(throws: Never.self) { try Entry.parse(entry.canonicalBytes) }
    let long = Entry(index: 0, time: Timestamp(milliseconds: 0), kind: "\(kind)k")
    let error = #expect(throws: LedgerError.self) { try Entry.parse(long.canonicalBytes) }
    #expect(error?.message.contains("1 to 64") == true)
  }
}

import JSON
import Terminal
import TestSupport
import Testing

@testable import Console

/// The difference of two definitions, as operators read it.
struct DefinitionDiffTests {
  private func object(_ text: String) throws -> JSONObject {
    try #require(try JSONParser.parse(text).objectValue)
  }

  private func lines(_ old: String?, _ new: String?, context: Int? = nil) throws -> [String] {
    DefinitionDiff.lines(
      from: try old.map { try object($0) }, to: try new.map { try object($0) }, context: context
    ).map { line in
      let sign =
        switch line.mark {
        case .same: " "
        case .removed: "-"
        case .added: "+"
        case .skipped: "~"
        }
      return sign + line.text.string
    }
  }

  @Test func oneChangedSentenceIsTwoLines() throws {
    let old = #"{"name":"t","description":"Places orders. Asks first.\nThat is all.","a":[1,{}]}"#
    let new = #"{"name":"t","description":"Places orders. Never asks.\nThat is all.","a":[1,{}]}"#
    #expect(
      try lines(old, new) == [
        #" {"#,
        #"   "a": ["#,
        #"     1,"#,
        #"     {}"#,
        #"   ],"#,
        #"   "description": "Places orders. "#,
        #"-    | Asks first.\n"#,
        #"+    | Never asks.\n"#,
        #"     | That is all.","#,
        #"   "name": "t""#,
        #" }"#,
      ])
  }

  @Test func theOrderOfKeysIsNoDifference() throws {
    let lines = try lines(#"{"b":1,"a":"é"}"#, #"{"a":"\u00e9","b":1}"#)
    #expect(lines.allSatisfy { $0.hasPrefix(" ") })
  }

  @Test func aNewToolIsAllAdded() throws {
    #expect(try lines(nil, #"{"a":1}"#) == ["+{", #"+  "a": 1"#, "+}"])
    #expect(try lines(#"{"a":1}"#, nil) == ["-{", #"-  "a": 1"#, "-}"])
  }

  @Test func farFromAChangeLinesAreCounted() throws {
    let many = (0..<40).map { #""k\#($0 + 10)":\#($0)"# }.joined(separator: ",")
    let lines = try lines("{\(many)}", "{\(many),\"z\":1}", context: 1)
    #expect(
      lines == [
        "~39 lines", #"   "k48": 38,"#, #"-  "k49": 39"#, #"+  "k49": 39,"#, #"+  "z": 1"#, " }",
      ])
  }

  @Test func textsThatLookTheSameStillDiffer() throws {
    let kelvin = try lines(#"{"a":"K"}"#, "{\"a\":\"\u{212A}\"}")
    #expect(kelvin.filter { $0.hasPrefix("+") || $0.hasPrefix("-") }.count == 2)
    let escape = try lines(#"{"a":"\u202E"}"#, #"{"a":"<U+202E>"}"#)
    #expect(escape.contains(#"-  "a": "<U+202E>""#))
    #expect(escape.contains(#"+  "a": "<U+202E>""#))
  }

  @Test func noTextLooksLikeAMember() throws {
    let lines = try lines(nil, #"{"a":"x\n\"inputSchema\": {"}"#)
    #expect(lines.contains(#"+    | \"inputSchema\": {""#))
  }

  @Test func nothingReachesTheTerminalUnsafely() throws {
    var random = SeededGenerator(seed: 0xD1FF)
    let scalars: [Unicode.Scalar] = [
      "\u{1B}", "\u{9B}", "\r", "\u{8}", "\u{202E}", "\u{200B}", "\u{E0041}", "\n", ".", " ", "\"",
      "\\", "a", "é", "\u{301}", "漢",
    ]
    for _ in 0..<200 {
      var text = String.UnicodeScalarView()
      for _ in 0..<random.below(400) { text.append(random.pick(scalars)) }
      let object: JSONObject = ["name": .string(String(text)), "\(String(text))": 1]
      for line in DefinitionDiff.lines(from: nil, to: object, context: nil) {
        #expect(SafeText(untrusted: line.text.string).replacements == 0)
        #expect(!line.text.string.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x9B })
      }
    }
  }

  @Test func aHugeDifferenceIsShownWhole() throws {
    let many = (0..<3_000).map { #""k\#($0)":\#($0)"# }.joined(separator: ",")
    let other = (0..<3_000).map { #""j\#($0)":\#($0)"# }.joined(separator: ",")
    let lines = try lines("{\(many)}", "{\(other)}")
    #expect(lines.count == 6_004)
  }
}

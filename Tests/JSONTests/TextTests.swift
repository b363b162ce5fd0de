import JSON
import Testing

@Suite("Text")
struct TextTests {
  @Test("is equal only when its bytes are")
  func equality() {
    #expect("\u{212A}AITOUSDT" == "KAITOUSDT")  // Swift strings: the reason for this type
    #expect(Text("\u{212A}AITOUSDT") != Text("KAITOUSDT"))
    #expect(Set<Text>(["é", "e\u{301}"]).count == 2)
    #expect(Text("\r\n").bytes == [13, 10])
  }

  @Test("compares every byte, whatever the length")
  func everyByteCounts() {
    for count in 0...40 {
      let bytes = (0..<count).map { UInt8(97 + $0 % 26) }
      #expect(Text(utf8: bytes) == Text(utf8: bytes))
      for place in bytes.indices {
        var other = bytes
        other[place] ^= 1
        #expect(Text(utf8: bytes) != Text(utf8: other), "\(count) bytes, other at \(place)")
      }
    }
  }

  @Test(
    "knows spellings that differ only in case",
    arguments: [
      ("Name", "name", true), ("name", "name", false), ("names", "name", false),
      ("\u{212A}ey", "key", true), ("METHOD", "method", true), ("İ", "i", false),
      ("argument\u{17F}", "arguments", true), ("é", "e\u{301}", false), ("É", "é", true),
    ])
  func caseVariants(a: String, b: String, isVariant: Bool) {
    #expect(Text(a).isCaseVariant(of: Text(b)) == isVariant)
  }

  @Test("orders by bytes")
  func order() {
    #expect([Text("b"), "a", "Z", "é"].sorted() == ["Z", "a", "b", "é"])
  }
}

@Suite("Cursors")
struct CursorTests {
  let cursor = JSONCursor(["a": 1, "b": ["x", 2], "c": nil])

  @Test("name the path of what is missing, wrong or unknown")
  func errors() {
    #expect("\(error { try cursor.member("z") })" == "$: the member \"z\" is required")
    #expect(
      "\(error { try cursor.member("b").elements()[0].int() })"
        == "$.b[0]: a whole number is expected, this is a string")
    #expect(
      "\(error { try cursor.allow(only: ["a", "b"]) })"
        == "$.c: the key is not known; known here: a, b")
    #expect(
      "\(error { try JSONCursor(["Default": 1]).allow(only: ["default"]) })"
        == "$.Default: the key is not known; did you mean \"default\"?")
  }

  @Test("take null for absent where a member is optional")
  func optional() throws {
    #expect(try cursor.optional("c") == nil)
    #expect(try cursor.optional("a")?.int() == 1)
  }

  private func error(_ body: () throws -> some Any) -> any Error {
    do {
      _ = try body()
      return CancellationError()
    } catch {
      return error
    }
  }
}

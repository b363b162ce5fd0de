import JSON
import Testing

@Suite("The strict parser")
struct ParserTests {
  @Test(
    "reads what RFC 8259 allows",
    arguments: [
      ("null", JSONValue.null), ("true", true), ("false", false), ("  1 ", 1), ("[]", []),
      ("{}", [:]), ("[1,[2,{\"a\":null}]]", [1, [2, ["a": nil]]]), ("\"\\u0041\\n\"", "A\n"),
      ("\"\\ud83d\\ude00\"", "😀"), ("\"\u{7F}\"", "\u{7F}"), ("{\"\":\"\"}", ["": ""]),
      ("\t\r\n[ 0 , -0 ]", .array([0, .number(JSONNumber(literal: "-0")!)])),
    ] as [(String, JSONValue)])
  func accepts(text: String, value: JSONValue) throws {
    #expect(try JSONParser.parse(text) == value)
  }

  @Test(
    "keeps number text",
    arguments: [
      "0", "-0", "1.0", "1.50", "1e9", "1E+9", "0.000001", "123456789012345678901234567890",
    ])
  func keepsNumbers(text: String) throws {
    #expect(JSONWriter.text(of: try JSONParser.parse("[\(text)]")) == "[\(text)]")
  }

  @Test(
    "refuses what is not JSON",
    arguments: [
      "", " ", "nul", "truex", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}",
      "{\"a\":1,}",
      "'a'", "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "Infinity", "-Infinity", "\"a",
      "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\t\"", "\"\u{0}\"", "[1]]", "1 2", "{}{}",
      "[\"a\"", "{\"a\":1", "//1", "[1]//", "\u{FEFF}1", "--1", "1-2", "[1}", "{\"a\":1]",
    ])
  func refuses(text: String) {
    #expect { try JSONParser.parse(text) } throws: { ($0 as? JSONError)?.code == .syntax }
  }

  @Test(
    "refuses keys that stand twice, at any depth and however they are spelt",
    arguments: [
      ("{\"a\":1,\"a\":2}", "$.a"), ("[{\"b\":{\"a\":1,\"\\u0061\":1}}]", "$[0].b.a"),
      ("{\"\":1,\"\":1}", "$[\"\"]"),
    ])
  func duplicateKeys(text: String, path: String) {
    #expect { try JSONParser.parse(text) } throws: { error in
      let error = error as? JSONError
      return error?.code == .duplicateKey && error?.path.description == path
    }
  }

  @Test("takes canonically equivalent keys for different ones")
  func normalisationTwins() throws {
    let object = try JSONParser.parse("{\"\u{212A}\":1,\"K\":2,\"é\":3,\"e\u{301}\":4}").objectValue
    #expect(object?.count == 4)
    #expect(object?["K"] == 2)
    #expect(object?["\u{212A}"] == 1)
    #expect(object?["e\u{301}"] == 4)
  }

  @Test(
    "refuses half surrogate pairs",
    arguments: [
      "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\ude00\\ud83d\"",
    ])
  func loneSurrogates(text: String) {
    #expect { try JSONParser.parse(text) } throws: { ($0 as? JSONError)?.code == .loneSurrogate }
  }

  @Test(
    "refuses bytes that are not UTF-8",
    arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]]
      as [[UInt8]])
  func invalidUTF8(bytes: [UInt8]) {
    let document = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
    #expect { try JSONParser.parse(document, limits: .agent) } throws: {
      ($0 as? JSONError)?.code == .invalidUTF8
    }
  }

  @Test("names line, column and path of an error")
  func positions() {
    let text = "{\n  \"legs\": [\n    {\"qty\": 1},\n    {\"qty\": x}\n  ]\n}"
    #expect { try JSONParser.parse(text) } throws: { error in
      let error = error as? JSONError
      return error?.position == JSONPosition(line: 4, column: 13)
        && error?.path.description == "$.legs[1].qty"
    }
  }

  @Test("finds the position of a value that a reader refuses")
  func located() throws {
    let text = "{\"a\": 1,\n \"b\": [true, \"x\"]}"
    let cursor = JSONCursor(try JSONParser.parse(text))
    #expect {
      do throws(JSONError) {
        _ = try cursor.member("b").elements()[1].int()
      } catch {
        throw error.located(in: text.utf8)
      }
    } throws: { error in
      "\(error)" == "line 2, column 14, $.b[1]: a whole number is expected, this is a string"
    }
  }
}

@Suite("The limits of the parser")
struct LimitTests {
  private func code(_ text: String, _ limits: JSONLimits) -> JSONError.Code? {
    do throws(JSONError) {
      _ = try JSONParser.parse(text.utf8, limits: limits)
      return nil
    } catch {
      return error.code
    }
  }

  @Test("hold at their value and refuse one more")
  func edges() {
    let limits = JSONLimits(bytes: 64, depth: 3, stringBytes: 4, numberBytes: 5, values: 6)
    #expect(code("[[[1]]]", limits) == nil)
    #expect(code("[[[[1]]]]", limits) == .limit)
    #expect(code("\"abcd\"", limits) == nil)
    #expect(code("\"abcde\"", limits) == .limit)
    #expect(code("{\"abcde\":1}", limits) == .limit)
    #expect(code("12345", limits) == nil)
    #expect(code("123456", limits) == .limit)
    #expect(code("[1,2,3,4,5]", limits) == nil)
    #expect(code("[1,2,3,4,5,6]", limits) == .limit)
    #expect(code("1" + String(repeating: " ", count: 63), limits) == nil)
    #expect(code("1" + String(repeating: " ", count: 64), limits) == .limit)
  }

  @Test("refuse deep nesting without exhausting the stack")
  func depth() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(code(deep, .agent) == .limit)
    #expect(code(String(repeating: "{\"a\":", count: 100_000), .peer) == .limit)
  }
}

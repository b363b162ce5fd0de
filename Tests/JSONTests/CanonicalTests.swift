import JSON
import TestSupport
import Testing

@Suite("The canonical form")
struct CanonicalTests {
  @Test("orders keys by UTF-16 code units, not by bytes")
  func keyOrder() throws {
    // U+1F600 is a surrogate pair in UTF-16 and sorts before U+FB33 there, after it in UTF-8.
    let value = try JSONParser.parse(
      "{\"\u{20AC}\":1,\"\\r\":2,\"\u{FB33}\":3,\"1\":4,\"\u{1F600}\":5,\"\u{80}\":6,\"\u{F6}\":7}")
    let keys = try JSONParser.parse(JSONWriter.canonicalText(of: value)).objectValue?.keys
    #expect(keys == ["\r", "1", "\u{80}", "\u{F6}", "\u{20AC}", "\u{1F600}", "\u{FB33}"])
  }

  @Test("orders keys with a common beginning by UTF-16 code units")
  func keyOrderAfterACommonBeginning() throws {
    let ends = [
      "", "Z", "a", "aa", "\u{7F}", "\u{80}", "\u{E9}", "\u{20AC}", "\u{FB33}", "\u{1F600}",
    ]
    let all = ends.flatMap { [$0, "k\u{20AC}" + $0, "k" + $0, "\u{1F600}" + $0] }
    let members = Set(all).map { (key: Text($0), value: JSONValue.null) }
    let object = try #require(JSONObject(members))
    let written = try JSONParser.parse(JSONWriter.canonicalText(of: .object(object)))
    let expected = Set(all).sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
    #expect(written.objectValue?.keys == expected.map { Text($0) })
  }

  @Test("writes strings with the shortest escapes")
  func strings() throws {
    let value = try JSONParser.parse("\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"")
    #expect(JSONWriter.canonicalText(of: value) == "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"")
  }

  @Test("is the same for equal values, whatever the order and white space")
  func invariance() throws {
    let a = try JSONParser.parse("{\"b\":[1,2],\"a\":{\"y\":null,\"x\":true}}")
    let b = try JSONParser.parse(" { \"a\" : {\"x\":true, \"y\":null}, \"b\":[1 ,2] } ")
    #expect(a == b)
    #expect(JSONWriter.canonicalBytes(of: a) == JSONWriter.canonicalBytes(of: b))
  }

  @Test(
    "knows which number texts RFC 8785 would write",
    arguments: [
      ("0", true), ("-0", false), ("1", true), ("1.0", false), ("1.5", true), ("1.50", false),
      ("100", true), ("1e2", false), ("1e21", false), ("1e+21", true), ("1e+22", true),
      ("100000000000000000000", true), ("0.000001", true), ("1e-7", true), ("0.0000001", false),
      ("9007199254740992", true), ("9007199254740993", false), ("333333333.3333333", true),
      ("4.5", true), ("2e-3", false), ("0.002", true), ("1e-27", true), ("1e400", false),
      ("-123.456", true), ("5e-324", true), ("1.7976931348623157e+308", true),
    ])
  func numbers(text: String, isCanonical: Bool) throws {
    #expect(try #require(JSONNumber(literal: text)).isCanonical == isCanonical)
  }
}

@Suite("Parser and writer together")
struct RoundTripTests {
  @Test("agree on 20,000 random documents", arguments: [1, 2, 3, 4] as [UInt64])
  func randomDocuments(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for turn in 0..<5000 {
      let value = Self.value(depth: 4, &random)
      let bytes = JSONWriter.bytes(of: value)
      let again = try JSONParser.parse(bytes, limits: .agent)
      #expect(again == value)
      #expect(JSONWriter.bytes(of: again) == bytes)
      if turn % 4 == 0 { try Self.formIsWhatTheWriterWrites(bytes, value) }
      let canonical = JSONWriter.canonicalBytes(of: value)
      #expect(
        JSONWriter.canonicalBytes(of: try JSONParser.parse(canonical, limits: .agent)) == canonical)
    }
  }

  /// Whatever bytes come in, the parser answers; what it accepts it writes back to the same value.
  @Test("survive 200,000 mutated documents", arguments: [11, 12, 13, 14] as [UInt64])
  func fuzz(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var accepted = 0
    for _ in 0..<50_000 {
      var bytes = JSONWriter.bytes(of: Self.value(depth: 3, &random))
      for _ in 0...random.below(3) { Self.mutate(&bytes, &random) }
      guard let value = try? JSONParser.parse(bytes, limits: .agent) else { continue }
      accepted += 1
      try Self.formIsWhatTheWriterWrites(bytes, value)
      let again = try JSONParser.parse(JSONWriter.canonicalBytes(of: value), limits: .agent)
      #expect(again == value)
    }
    #expect(accepted > 1000)
  }

  @Test(
    "say of every spelling whether it is the canonical one",
    arguments: [
      (#"{"a":1,"b":[true,null,"x"]}"#, true), (#"{"b":1,"a":1}"#, false), (#"[1, 2]"#, false),
      (" []", false), ("[]\n", false), (#""\/""#, false), (#""\n\"\\""#, true),
      (#""\u000b""#, true), (#""\u000B""#, false), (#""\u000a""#, false), (#""\u0041""#, false),
      (#""\u00e9""#, false), ("\"é\u{2028}\"", true), (#""\ud83d\ude00""#, false),
      ("{\"\u{10000}\":1,\"\u{FFFF}\":1}", true), ("{\"\u{FFFF}\":1,\"\u{10000}\":1}", false),
      ("[1.0,1E2,-0]", true),
    ])
  func form(text: String, isCanonical: Bool) throws {
    let (value, form) = try JSONParser.parseWithForm(text.utf8, limits: .agent)
    #expect(form == isCanonical)
    #expect((JSONWriter.canonicalText(of: value) == text) == isCanonical)
  }

  private static func formIsWhatTheWriterWrites(_ bytes: [UInt8], _ value: JSONValue) throws {
    let form = try JSONParser.parseWithForm(bytes, limits: .agent)
    #expect(form.value == value)
    #expect(form.isCanonical == (JSONWriter.canonicalBytes(of: value) == bytes))
  }

  private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    let at = random.below(bytes.count)
    switch random.below(4) {
    case 0: bytes[at] = UInt8(random.below(256))
    case 1: bytes.remove(at: at)
    case 2: bytes.insert(random.pick(Array("{}[]\",:\\u0eE+-.".utf8)), at: at)
    default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 4)], at: at)
    }
  }

  private static func value(depth: Int, _ random: inout SeededGenerator) -> JSONValue {
    switch random.below(depth > 0 ? 7 : 5) {
    case 0: return .null
    case 1: return .bool(random.chance(1, in: 2))
    case 2: return .int(Int64(bitPattern: random.next()))
    case 3:
      let literal = random.pick(["0.10", "-1.5e10", "12.000", "1e-9", "-0"])
      return JSONNumber(literal: literal).map(JSONValue.number) ?? .null
    case 4: return .string(text(&random))
    case 5: return .array((0..<random.below(5)).map { _ in value(depth: depth - 1, &random) })
    default:
      var object = JSONObject()
      for _ in 0..<random.below(20) { object[text(&random)] = value(depth: depth - 1, &random) }
      return .object(object)
    }
  }

  private static func text(_ random: inout SeededGenerator) -> Text {
    let alphabet = [
      "a", "b", "\u{212A}", "K", "é", "e\u{301}", "\"", "\\", "\n", "\u{1}", "😀", "\u{202E}",
    ]
    return Text((0..<random.below(6)).map { _ in random.pick(alphabet) }.joined())
  }
}

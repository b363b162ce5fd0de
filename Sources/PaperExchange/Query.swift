import Exchange
import JSON
import Time

/// The parameters of a raw query string.
struct Query: Sendable {
  private(set) var values: [Text: Text] = [:]

  /// Refuses a key that stands twice and bytes that are not UTF-8.
  init(_ raw: String) throws(Refusal) {
    for pair in raw.utf8.split(separator: UInt8(ascii: "&")) {
      let parts = pair.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let key = try Self.decoded(parts[0])
      let value = try parts.count > 1 ? Self.decoded(parts[1]) : Text("")
      guard values[key] == nil else {
        throw .parameter("params error: \(key) stands twice in the query")
      }
      values[key] = value
    }
  }

  /// A parameter that is there and not empty.
  subscript(_ key: Text) -> Text? { values[key].flatMap { $0.isEmpty ? nil : $0 } }

  func required(_ key: Text) throws(Refusal) -> Text {
    guard let value = self[key] else { throw .parameter("params error: \(key) is required") }
    return value
  }

  func int(_ key: Text, in range: ClosedRange<Int>, default fallback: Int) throws(Refusal) -> Int {
    guard let text = self[key] else { return fallback }
    guard let value = Int(text.string), range.contains(value) else {
      throw .parameter(
        """
        params error: \(key) must be \(range.lowerBound.description) to \
        \(range.upperBound.description)
        """)
    }
    return value
  }

  func time(_ key: Text) throws(Refusal) -> Timestamp? {
    guard let text = self[key] else { return nil }
    guard let value = Int64(text.string), value >= 0 else {
      throw .parameter("params error: \(key) must be milliseconds since 1970")
    }
    return Timestamp(milliseconds: value)
  }

  func category() throws(Refusal) -> Category {
    let name = try required("category")
    guard let category = Category.allCases.first(where: { Text($0.rawValue) == name }) else {
      throw .category
    }
    return category
  }

  private static func decoded(_ raw: some Collection<UInt8>) throws(Refusal) -> Text {
    var bytes: [UInt8] = []
    var rest = Array(raw)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      guard rest.count >= 2, let value = UInt8(digits, radix: 16), !digits.hasPrefix("+") else {
        throw .parameter("params error: the query has a broken % escape")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    guard let text = Text(utf8: bytes) else {
      throw .parameter("params error: the query is not UTF-8")
    }
    return text
  }
}

extension Refusal {
  static let category = Refusal.parameter(
    "params error: category invalid, use linear, inverse, spot or option")
  static let permission = Refusal(
    10005, "Permission denied, please check your API key permissions.")
  static let rate = Refusal(10006, "Too many visits. Exceeded the API Rate Limit.")
  static let apiKey = Refusal(10003, "API key is invalid.")
}

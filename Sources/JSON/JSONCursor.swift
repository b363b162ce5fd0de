/// A value together with its path: the reader that every document and message goes through.
///
/// Each accessor throws a `JSONError` that names the path and what was expected there.
package struct JSONCursor: Sendable {
  package let value: JSONValue
  package let path: JSONPath

  package init(_ value: JSONValue, path: JSONPath = .root) {
    self.value = value
    self.path = path
  }

  // MARK: Objects

  package func object() throws(JSONError) -> JSONObject {
    guard case .object(let object) = value else { throw wrongType("an object") }
    return object
  }

  /// A required member. JSON null counts as present.
  package func member(_ key: Text) throws(JSONError) -> JSONCursor {
    guard let found = try object()[key] else {
      throw JSONError(.missing, "the member \"\(key)\" is required", at: path)
    }
    return JSONCursor(found, path: path.key(key))
  }

  /// A member that may be absent; null counts as absent.
  package func optional(_ key: Text) throws(JSONError) -> JSONCursor? {
    guard let found = try object()[key], found != .null else { return nil }
    return JSONCursor(found, path: path.key(key))
  }

  /// All members in their written order.
  package func members() throws(JSONError) -> [(key: Text, cursor: JSONCursor)] {
    try object().members.map { ($0.key, JSONCursor($0.value, path: path.key($0.key))) }
  }

  /// Refuses every key outside `known`, naming the closest known one where there is one.
  package func allow(only known: Set<Text>) throws(JSONError) {
    guard let stranger = try object().unknownKey(known: known) else { return }
    let twin = known.first { stranger.isCaseVariant(of: $0) }
    let list = known.sorted().map(\.string).joined(separator: ", ")
    let hint = twin.map { "did you mean \"\($0)\"?" } ?? "known here: \(list)"
    throw JSONError(.unknownKey, "the key is not known; \(hint)", at: path.key(stranger))
  }

  /// Refuses keys that differ from one of `known` only in case.
  package func refuseCaseVariants(of known: Set<Text>) throws(JSONError) {
    guard let (key, twin) = try object().caseVariant(of: known) else { return }
    throw JSONError(
      .duplicateKey, "the key differs from \"\(twin)\" only in case; write \"\(twin)\"",
      at: path.key(key))
  }

  // MARK: Arrays and scalars

  package func elements() throws(JSONError) -> [JSONCursor] {
    guard case .array(let elements) = value else { throw wrongType("an array") }
    return elements.enumerated().map { JSONCursor($1, path: path.index($0)) }
  }

  package func text() throws(JSONError) -> Text {
    guard case .string(let text) = value else { throw wrongType("a string") }
    return text
  }

  package func string() throws(JSONError) -> String { try text().string }

  package func bool() throws(JSONError) -> Bool {
    guard case .bool(let bool) = value else { throw wrongType("true or false") }
    return bool
  }

  package func int() throws(JSONError) -> Int {
    guard case .number(let number) = value else { throw wrongType("a whole number") }
    guard let int = number.int else {
      throw JSONError(.badValue, "\(number) is no whole number in range", at: path)
    }
    return int
  }

  /// A whole number within `range`.
  package func int(in range: ClosedRange<Int>) throws(JSONError) -> Int {
    let int = try int()
    guard range.contains(int) else {
      throw bad("\(int) is outside \(range.lowerBound) to \(range.upperBound)")
    }
    return int
  }

  /// A string that is one of an enumeration's raw values.
  package func one<T: RawRepresentable & CaseIterable>(of type: T.Type) throws(JSONError) -> T
  where T.RawValue == String {
    let text = try self.text()
    // Compared as bytes: raw values are ASCII and a canonically equivalent twin is no match.
    if let found = T.allCases.first(where: { Text($0.rawValue) == text }) { return found }
    let known = T.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    throw bad("\"\(text)\" is not one of \(known)")
  }

  package func bad(_ message: String) -> JSONError { JSONError(.badValue, message, at: path) }

  private func wrongType(_ wanted: String) -> JSONError {
    JSONError(.wrongType, "\(wanted) is expected, this is \(value.kind)", at: path)
  }
}

/// A type that is read from and written as JSON with every field spelled out.
package protocol JSONConvertible {
  init(json: JSONCursor) throws(JSONError)
  var json: JSONValue { get }
}

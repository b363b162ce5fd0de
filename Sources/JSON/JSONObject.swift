/// The members of a JSON object in the order they were written, each key once.
///
/// Equality ignores order. Look-up is linear for small objects and by index for large ones.
package struct JSONObject: Sendable {
  package typealias Member = (key: Text, value: JSONValue)

  package private(set) var members: [Member] = []
  private var index: [Text: Int] = [:]

  /// Above this many members look-ups go through an index.
  private static let linearLimit = 12

  package init() {}

  /// The object of `members`, or nil when a key stands twice.
  package init?(_ members: [Member]) {
    for (key, value) in members {
      guard position(of: key) == nil else { return nil }
      append(key, value)
    }
  }

  package var count: Int { members.count }
  package var isEmpty: Bool { members.isEmpty }
  package var keys: [Text] { members.map(\.key) }

  package subscript(_ key: Text) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      switch (position(of: key), newValue) {
      case (let at?, let value?): members[at].value = value
      case (nil, let value?): append(key, value)
      case (let at?, nil):
        members.remove(at: at)
        reindex()
      case (nil, nil): break
      }
    }
  }

  /// The first key that is not in `known`.
  package func unknownKey(known: Set<Text>) -> Text? { keys.first { !known.contains($0) } }

  /// The first key that differs from a known one only in case, with that known key.
  ///
  /// Parsers that match keys without case would read another document here, so callers refuse it.
  package func caseVariant(of known: Set<Text>) -> (key: Text, known: Text)? {
    for key in keys where !known.contains(key) {
      if let twin = known.first(where: { key.isCaseVariant(of: $0) }) { return (key, twin) }
    }
    return nil
  }

  func position(of key: Text) -> Int? {
    guard members.count <= Self.linearLimit else { return index[key] }
    // By place: to go over the members themselves copies each value.
    for place in members.indices where members[place].key == key { return place }
    return nil
  }

  mutating func append(_ key: Text, _ value: JSONValue) {
    members.append((key, value))
    if members.count > Self.linearLimit { reindexTail() }
  }

  private mutating func reindexTail() {
    if index.count == members.count - 1 {
      index[members[members.count - 1].key] = members.count - 1
    } else {
      reindex()
    }
  }

  private mutating func reindex() {
    index =
      members.count > Self.linearLimit
      ? Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.key, $0) }) : [:]
  }
}

extension JSONObject: Hashable {
  package static func == (a: JSONObject, b: JSONObject) -> Bool {
    a.count == b.count && a.members.allSatisfy { b[$0.key] == $0.value }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(count)
    var mixed = 0
    for (key, value) in members {
      var one = Hasher()
      one.combine(key)
      one.combine(value)
      mixed ^= one.finalize()
    }
    hasher.combine(mixed)
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Two equal keys in a literal are a bug of the program.
  package init(dictionaryLiteral elements: (Text, JSONValue)...) {
    self.init(literal: elements)
  }

  init(literal elements: [(Text, JSONValue)]) {
    self.init()
    for (key, value) in elements {
      precondition(self[key] == nil, "key \(key) stands twice in a literal")
      self[key] = value
    }
  }
}

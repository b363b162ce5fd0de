extension JSONValue {
  /// An object of the members whose value is there; nil values are left out.
  package static func compact(_ members: KeyValuePairs<Text, JSONValue?>) -> JSONValue {
    .object(JSONObject(compact: members))
  }

  package static func strings(_ all: some Sequence<String>) -> JSONValue {
    .array(all.map { .string($0) })
  }
}

extension JSONObject {
  package init(compact members: KeyValuePairs<Text, JSONValue?>) {
    self.init()
    for (key, value) in members {
      guard let value else { continue }
      precondition(self[key] == nil, "key \(key) stands twice in a literal")
      self[key] = value
    }
  }
}

extension JSONCursor {
  /// The elements of an optional array; absent gives none.
  package func list<T>(
    _ key: Text, _ read: (JSONCursor) throws(JSONError) -> T
  ) throws(JSONError) -> [T] {
    guard let found = try optional(key) else { return [] }
    var all: [T] = []
    for element in try found.elements() { all.append(try read(element)) }
    return all
  }

  /// A member that is read when present and not null.
  package func maybe<T>(
    _ key: Text, _ read: (JSONCursor) throws(JSONError) -> T
  ) throws(JSONError) -> T? {
    guard let found = try optional(key) else { return nil }
    return try read(found)
  }
}

import JSON

/// The names that a tool's schema has for arguments, level by level.
///
/// A program that matches keys without case would take `Qty` for `qty` where the policy saw neither
/// or both. So a key that differs from a known one, or from another of the same object, only in case
/// is found here; where a schema says nothing, only the latter is.
struct ArgumentNames: Hashable, Sendable {
  /// How deep a schema is read; what lies deeper counts as saying nothing.
  private static let maxDepth = 16

  private var names: [Text: ArgumentNames] = [:]
  /// The names by how they read without case.
  private var folded: [Text: Text] = [:]
  /// What is known of the elements of an array: one, or none.
  private var elements: [ArgumentNames] = []

  init(schema: JSONObject) { read(schema, 0) }

  private init() {}

  private mutating func read(_ schema: JSONObject, _ depth: Int) {
    guard depth < Self.maxDepth else { return }
    for member in schema["properties"]?.objectValue?.members ?? [] {
      folded[member.key.caseFolded] = member.key
      names[member.key, default: ArgumentNames()].read(
        member.value.objectValue ?? JSONObject(), depth + 1)
    }
    if let items = schema["items"]?.objectValue {
      var inside = elements.first ?? ArgumentNames()
      inside.read(items, depth + 1)
      elements = [inside]
    }
    for key in ["allOf", "anyOf", "oneOf"] as [Text] {
      for part in schema[key]?.arrayValue ?? [] {
        read(part.objectValue ?? JSONObject(), depth + 1)
      }
    }
  }

  /// A key and the one that it can be taken for; nil where there is none.
  func twins(in object: JSONObject) -> (key: Text, twin: Text)? {
    var strangers: [Text: Text] = [:]
    for member in object.members {
      if let known = names[member.key] {
        if let found = known.twins(in: member.value) { return found }
        continue
      }
      let read = member.key.caseFolded
      if let twin = folded[read] ?? strangers.updateValue(member.key, forKey: read) {
        return (member.key, twin)
      }
      if let found = ArgumentNames().twins(in: member.value) { return found }
    }
    return nil
  }

  private func twins(in value: JSONValue) -> (key: Text, twin: Text)? {
    switch value {
    case .object(let object): return twins(in: object)
    case .array(let all):
      let inside = elements.first ?? ArgumentNames()
      for one in all {
        if let found = inside.twins(in: one) { return found }
      }
      return nil
    default: return nil
    }
  }
}

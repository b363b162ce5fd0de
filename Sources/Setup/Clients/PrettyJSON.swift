package import JSON

/// JSON for people: two spaces a level, small things on one line.
package enum PrettyJSON {
  private static let width = 72

  package static func text(of value: JSONValue) -> String { text(value, indent: 0) }

  private static func text(_ value: JSONValue, indent: Int) -> String {
    let flat = flat(value)
    guard indent + flat.count > width || indent == 0 else { return flat }
    let inner = "\n" + String(repeating: " ", count: indent + 2)
    let end = "\n" + String(repeating: " ", count: indent)
    switch value {
    case .object(let object) where !object.isEmpty:
      let members = object.members.map { inner + key($0.key) + text($0.value, indent: indent + 2) }
      return "{" + members.joined(separator: ",") + end + "}"
    case .array(let list) where !list.isEmpty:
      return "[" + list.map { inner + text($0, indent: indent + 2) }.joined(separator: ",") + end
        + "]"
    default: return flat
    }
  }

  private static func flat(_ value: JSONValue) -> String {
    switch value {
    case .object(let object):
      "{" + object.members.map { key($0.key) + flat($0.value) }.joined(separator: ", ") + "}"
    case .array(let list): "[" + list.map(flat).joined(separator: ", ") + "]"
    default: JSONWriter.text(of: value)
    }
  }

  private static func key(_ key: Text) -> String { JSONWriter.text(of: .string(key)) + ": " }
}

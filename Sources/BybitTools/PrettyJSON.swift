import JSON

/// JSON with two spaces of indent, as ECMAScript's `JSON.stringify(value, null, 2)` lays it out.
enum PrettyJSON {
  static func text(of value: JSONValue, indent: String = "") -> String {
    let inner = indent + "  "
    switch value {
    case .array(let elements) where !elements.isEmpty:
      let lines = elements.map { inner + text(of: $0, indent: inner) }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(indent)]"
    case .object(let object) where !object.isEmpty:
      let lines = object.members.map { member in
        inner + JSONWriter.text(of: .string(member.key)) + ": "
          + text(of: member.value, indent: inner)
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
    default: return JSONWriter.text(of: value)
    }
  }
}

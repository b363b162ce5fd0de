import JSON

/// One input of a tool: written once, it gives the published JSON Schema, the check and the
/// stripping of what the tool does not know.
struct Field: Sendable {
  indirect enum Kind: Sendable {
    case text(longest: Int?)
    case choice([Text])
    /// One of some numbers, published as a union of literals.
    case numbers([Int])
    case flag
    case whole(least: Int?, most: Int?)
    case list(of: [Field], least: Int?, most: Int?)
  }

  let name: Text
  let kind: Kind
  let isRequired: Bool
  let standard: JSONValue?

  private init(_ name: Text, _ kind: Kind, required: Bool, standard: JSONValue? = nil) {
    self.name = name
    self.kind = kind
    isRequired = required
    self.standard = standard
  }

  static func text(_ name: Text, required: Bool = false, longest: Int? = nil) -> Field {
    Field(name, .text(longest: longest), required: required)
  }

  static func choice(
    _ name: Text, _ values: [Text], required: Bool = false, standard: JSONValue? = nil
  ) -> Field {
    Field(name, .choice(values), required: required, standard: standard)
  }

  static func numbers(_ name: Text, _ values: [Int]) -> Field {
    Field(name, .numbers(values), required: false)
  }

  static func flag(
    _ name: Text, required: Bool = false, standard: JSONValue? = nil
  ) -> Field {
    Field(name, .flag, required: required, standard: standard)
  }

  static func whole(
    _ name: Text, required: Bool = false, least: Int? = nil, most: Int? = nil,
    standard: JSONValue? = nil
  ) -> Field {
    Field(name, .whole(least: least, most: most), required: required, standard: standard)
  }

  static func list(
    _ name: Text, of fields: [Field], least: Int? = nil, most: Int? = nil, isRequired: Bool = true
  ) -> Field {
    Field(name, .list(of: fields, least: least, most: most), required: isRequired)
  }
}

// MARK: Schema

extension Field {
  /// The JSON Schema of an object with these fields and no others.
  static func schema(of fields: [Field]) -> JSONObject {
    var properties = JSONObject()
    for field in fields { properties[field.name] = .object(field.schema) }
    let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
    var schema = JSONObject()
    schema["type"] = "object"
    schema["properties"] = .object(properties)
    if !required.isEmpty { schema["required"] = .array(required) }
    schema["additionalProperties"] = false
    return schema
  }

  private var schema: JSONObject {
    var schema = JSONObject()
    switch kind {
    case .text(let longest):
      schema["type"] = "string"
      schema["maxLength"] = longest.map { .int($0) }
    case .choice(let values):
      schema["type"] = "string"
      schema["enum"] = .array(values.map { .string($0) })
    case .numbers(let values):
      schema["anyOf"] = .array(values.map { ["type": "number", "enum": .array([.int($0)])] })
    case .flag: schema["type"] = "boolean"
    case .whole(let least, let most):
      schema["type"] = "integer"
      schema["minimum"] = least.map { .int($0) }
      schema["maximum"] = most.map { .int($0) }
    case .list(let fields, let least, let most):
      schema["type"] = "array"
      schema["items"] = .object(Field.schema(of: fields))
      schema["minItems"] = least.map { .int($0) }
      schema["maxItems"] = most.map { .int($0) }
    }
    schema["default"] = standard
    return schema
  }
}

// MARK: Checking

extension Field {
  /// `arguments` with unknown keys left out, or what is wrong with them. Defaults are published
  /// but, as in the official server, never filled in.
  static func strip(
    _ arguments: JSONObject, _ fields: [Field]
  ) -> (JSONObject, problems: [String]) {
    strip(arguments, fields, at: "")
  }

  private static func strip(
    _ arguments: JSONObject, _ fields: [Field], at place: String
  ) -> (JSONObject, [String]) {
    var kept = JSONObject()
    var problems: [String] = []
    for field in fields {
      let path = place + field.name.string
      guard let value = arguments[field.name] else {
        if field.isRequired { problems.append("\(path): Required") }
        continue
      }
      let (clean, wrong) = field.check(value, at: path)
      kept[field.name] = clean
      problems += wrong
    }
    return (kept, problems)
  }

  private func check(_ value: JSONValue, at path: String) -> (JSONValue, [String]) {
    switch (kind, value) {
    case (.text(let longest), .string(let text)):
      // Lengths count UTF-16 units, as in the schema language's first home.
      guard let longest, text.string.utf16.count > longest else { return (value, []) }
      return (value, ["\(path): String must contain at most \(longest) character(s)"])
    case (.choice(let values), .string(let text)):
      guard !values.contains(text) else { return (value, []) }
      let known = values.map { "'\($0)'" }.joined(separator: " | ")
      return (
        value, ["\(path): Invalid enum value. Expected \(known), received '\(text)'"]
      )
    case (.choice(let values), _):
      let known = values.map { "'\($0)'" }.joined(separator: " | ")
      return (value, ["\(path): Expected \(known), received \(value.typeName)"])
    case (.numbers(let values), _):
      guard let number = value.intValue, values.contains(number) else {
        return (value, ["\(path): Invalid input"])
      }
      return (value, [])
    case (.flag, .bool): return (value, [])
    case (.whole(let least, let most), .number(let number)):
      return (value, Self.problems(number, least, most).map { "\(path): \($0)" })
    case (.list(let fields, let least, let most), .array(let elements)):
      return Self.check(elements, fields, least, most, at: path)
    default: return (value, ["\(path): Expected \(typeName), received \(value.typeName)"])
    }
  }

  private static func problems(_ number: JSONNumber, _ least: Int?, _ most: Int?) -> [String] {
    guard let whole = number.int else { return ["Expected integer, received float"] }
    if let least, whole < least { return ["Number must be greater than or equal to \(least)"] }
    if let most, whole > most { return ["Number must be less than or equal to \(most)"] }
    return []
  }

  private static func check(
    _ elements: [JSONValue], _ fields: [Field], _ least: Int?, _ most: Int?, at path: String
  ) -> (JSONValue, [String]) {
    var problems: [String] = []
    if let least, elements.count < least {
      problems.append("\(path): Array must contain at least \(least) element(s)")
    }
    if let most, elements.count > most {
      problems.append("\(path): Array must contain at most \(most) element(s)")
    }
    let kept = elements.enumerated().map { index, element -> JSONValue in
      guard let object = element.objectValue else {
        problems.append("\(path).\(index): Expected object, received \(element.typeName)")
        return element
      }
      let (clean, wrong) = strip(object, fields, at: "\(path).\(index).")
      problems += wrong
      return .object(clean)
    }
    return (.array(kept), problems)
  }

  private var typeName: String {
    switch kind {
    case .text, .choice: "string"
    case .numbers, .whole: "number"
    case .flag: "boolean"
    case .list: "array"
    }
  }
}

extension JSONValue {
  fileprivate var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}

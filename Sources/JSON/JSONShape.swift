/// What a document may hold: the table by which a reader refuses unknown keys, and from which its
/// JSON Schema is made.
///
/// To add a key to a document, add a `Field` to the object's shape, and read it beside the object's
/// other keys. The schema, and the test that compares it with the checked-in file, follow by
/// themselves.
package indirect enum JSONShape: Sendable {
  case bool
  /// A whole number within a range.
  case integer(ClosedRange<Int>)
  /// An exact decimal: a number, or a string of digits.
  case decimal
  /// - Parameter pattern: A regular expression of JSON Schema that the whole text matches, where one
  ///   can be given; the reader may ask for more.
  case text(pattern: String? = nil)
  /// One of some strings.
  case one([String])
  case object(Object)
  /// Members with names of the author's choice; without a limit as many as the file can hold.
  case map(JSONShape, limit: Int? = nil)
  case list(JSONShape, count: ClosedRange<Int>)
  case any([JSONShape])
  /// A shape that `JSONSchema.definitions` holds under this name: for what contains itself.
  case named(String)
  /// Anything but null.
  case value

  /// One key of an object.
  package struct Field: Sendable {
    package let key: Text
    package let shape: JSONShape
    /// What the key means; editors show it.
    package let words: String
    package let isRequired: Bool

    package init(_ key: Text, _ shape: JSONShape, _ words: String, isRequired: Bool = false) {
      self.key = key
      self.shape = shape
      self.words = words
      self.isRequired = isRequired
    }
  }

  /// An object with fixed keys.
  package struct Object: Sendable {
    package let fields: [Field]
    package let keys: Set<Text>

    package init(_ fields: [Field]) {
      self.fields = fields
      keys = Set(fields.map(\.key))
      precondition(keys.count == fields.count, "a key stands twice in a shape")
    }
  }

  /// One of the raw values of an enumeration.
  package static func one<T: RawRepresentable & CaseIterable>(of type: T.Type) -> JSONShape
  where T.RawValue == String {
    .one(T.allCases.map(\.rawValue))
  }

  /// A list of any length, the empty one included, up to `limit` where there is one.
  package static func list(_ shape: JSONShape, upTo limit: Int = .max) -> JSONShape {
    .list(shape, count: 0...limit)
  }

  /// A length of time: a whole number and its unit.
  package static let duration = JSONShape.text(pattern: "^[0-9]+(ms|s|m|h|d)$")
}

extension JSONCursor {
  /// Refuses every key that the shape does not have.
  package func allow(_ shape: JSONShape.Object) throws(JSONError) { try allow(only: shape.keys) }
}

/// A JSON Schema (draft 2020-12) of a document. It refuses what the reader refuses for its keys and
/// types; what the reader knows besides, such as which paths there are, stays with the reader.
package struct JSONSchema: Sendable {
  package var title: String
  package var shape: JSONShape.Object
  /// Shapes that `JSONShape.named` refers to.
  package var definitions: [(name: String, shape: JSONShape)]

  package init(
    title: String, shape: JSONShape.Object, definitions: [(name: String, shape: JSONShape)] = []
  ) {
    self.title = title
    self.shape = shape
    self.definitions = definitions
  }

  package var json: JSONValue {
    var schema: JSONObject = [
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "title": .string(Text(title)),
    ]
    for member in Self.json(shape).members { schema[member.key] = member.value }
    var named = JSONObject()
    for one in definitions { named[Text(one.name)] = .object(Self.json(one.shape)) }
    if !named.isEmpty { schema["$defs"] = .object(named) }
    return .object(schema)
  }

  private static func json(_ object: JSONShape.Object) -> JSONObject {
    var properties = JSONObject()
    for field in object.fields {
      var one = json(field.shape)
      one["description"] = .string(Text(field.words))
      properties[field.key] = .object(one)
    }
    let required = object.fields.filter(\.isRequired).map { JSONValue.string($0.key) }
    var schema: JSONObject = ["type": "object"]
    if !required.isEmpty { schema["required"] = .array(required) }
    schema["properties"] = .object(properties)
    schema["additionalProperties"] = false
    return schema
  }

  private static func json(_ shape: JSONShape) -> JSONObject {
    switch shape {
    case .bool: ["type": "boolean"]
    case .integer(let range):
      ["type": "integer", "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound)]
    case .decimal:
      ["type": ["number", "string"], "pattern": #"^-?[0-9]+(\.[0-9]+)?$"#]
    case .text(let pattern):
      JSONObject(compact: ["type": "string", "pattern": pattern.map { .string(Text($0)) }])
    case .one(let values): ["enum": .strings(values)]
    case .object(let object): json(object)
    case .map(let shape, let limit):
      JSONObject(compact: [
        "type": "object", "maxProperties": limit.map { .int($0) },
        "additionalProperties": .object(json(shape)),
      ])
    case .list(let shape, let count):
      JSONObject(compact: [
        "type": "array", "minItems": count.lowerBound > 0 ? .int(count.lowerBound) : nil,
        "maxItems": count.upperBound < .max ? .int(count.upperBound) : nil,
        "items": .object(json(shape)),
      ])
    case .any(let shapes): ["anyOf": .array(shapes.map { .object(json($0)) })]
    case .named(let name): ["$ref": .string(Text("#/$defs/\(name)"))]
    case .value: ["not": ["type": "null"]]
    }
  }
}

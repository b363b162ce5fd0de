/// One JSON value whose numbers keep the text they were written with.
package enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(Text)
  case array([JSONValue])
  case object(JSONObject)

  package static func string(_ text: String) -> JSONValue { .string(Text(text)) }
  package static func int(_ value: some BinaryInteger) -> JSONValue {
    .number(JSONNumber(Int64(value)))
  }

  /// What the value is, in words for an error message.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  package var stringValue: String? { if case .string(let text) = self { text.string } else { nil } }
  package var textValue: Text? { if case .string(let text) = self { text } else { nil } }
  package var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var intValue: Int? { if case .number(let number) = self { number.int } else { nil } }
  package var arrayValue: [JSONValue]? { if case .array(let all) = self { all } else { nil } }
  package var objectValue: JSONObject? {
    if case .object(let object) = self { object } else { nil }
  }

  /// The member of an object, or nil when absent or when this is no object.
  package subscript(_ key: Text) -> JSONValue? { objectValue?[key] }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(Text(value)) }
  package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(nilLiteral: ()) { self = .null }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

  /// An object from a literal. Two equal keys in a literal are a bug of the program.
  package init(dictionaryLiteral elements: (Text, JSONValue)...) {
    self = .object(JSONObject(literal: elements))
  }
}

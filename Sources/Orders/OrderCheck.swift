import Decimals
package import JSON

/// The checks that all order tools share: shape, keys and values against the tool's schema.
enum OrderCheck {
  /// Category and keys beside the legs.
  static func envelope(
    _ arguments: JSONObject, of tool: OrderTool
  ) throws(OrderError) -> Category {
    try OrderBatch.requireCanonicalNumbers(.object(arguments))
    if tool.isBatch { try requireKeys(arguments, against: batchFields, at: .root) }
    let field = OrderFields.category
    guard let value = arguments[field.key] else { throw missing(field.key, at: .root) }
    try check(value, is: field, at: JSONPath.root.key(field.key))
    guard let category = value.textValue.flatMap(Category.init(exactly:)) else {
      throw missing(field.key, at: .root)
    }
    return category
  }

  private static let batchFields = [
    OrderFields.category, OrderField("request", .legs, required: true),
  ]

  struct LegObject {
    let index: Int
    let object: JSONObject
    let path: JSONPath
  }

  /// The legs of a batch, or the arguments themselves.
  static func legs(
    _ arguments: JSONObject, of tool: OrderTool, _ category: Category
  ) throws(OrderError) -> [LegObject] {
    guard tool.isBatch else { return [LegObject(index: 0, object: arguments, path: .root)] }
    let path = JSONPath.root.key("request")
    guard let elements = arguments["request"]?.arrayValue else {
      throw OrderError(.shape, "\"request\" is no array", fix: "list the orders", at: path)
    }
    guard (1...category.maxLegs).contains(elements.count) else {
      throw OrderError(
        .tooManyLegs, "the batch has \(elements.count) legs",
        fix: "send 1 to \(category.maxLegs) for \(category.rawValue)", at: path)
    }
    var legs: [LegObject] = []
    for (index, element) in elements.enumerated() {
      guard let object = element.objectValue else {
        throw OrderError(
          .shape, "the leg is \(element.kind)", fix: "write an object", at: path.index(index))
      }
      legs.append(LegObject(index: index, object: object, path: path.index(index)))
    }
    return legs
  }

  /// Keys and values of one object against its fields.
  static func check(
    _ object: JSONObject, _ fields: [OrderField], at path: JSONPath
  ) throws(OrderError) {
    try requireKeys(object, against: fields, at: path)
    for field in fields {
      guard let value = object[field.key] else { continue }
      try check(value, is: field, at: path.key(field.key))
    }
  }

  /// In the order of the bytes that will be sent.
  static func fields(of object: JSONObject) -> [Leg.Field] {
    object.members.map { Leg.Field(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
  }

  // MARK: Keys and values

  private static func requireKeys(
    _ object: JSONObject, against fields: [OrderField], at path: JSONPath
  ) throws(OrderError) {
    let known = Set(fields.map(\.key))
    if let (key, twin) = object.caseVariant(of: known) {
      throw OrderError(
        .unknownKey, "the key \(key.quotedIfPlain) differs from \"\(twin)\" only in case",
        fix: "write \"\(twin)\"", at: path.key(key))
    }
    if let key = object.unknownKey(known: known) {
      let list = known.sorted().map(\.string).joined(separator: ", ")
      throw OrderError(
        .unknownKey,
        "the tool does not know the key \(key.quotedIfPlain) and would drop it silently",
        fix: "remove it; known here: \(list)", at: path.key(key))
    }
    for field in fields where field.isRequired && object[field.key] == nil {
      throw missing(field.key, at: path)
    }
  }

  private static func check(
    _ value: JSONValue, is field: OrderField, at path: JSONPath
  ) throws(OrderError) {
    switch (field.kind, value) {
    case (.flag, .bool): return
    case (.symbol, .string(let text)):
      try require(text.isSymbol, text, "A-Z, 0-9 and -, 1 to 32 characters", .badValue, at: path)
    case (.linkID, .string(let text)):
      try require(
        text.isLinkID, text, "A-Z, a-z, 0-9, _ and -, 1 to 36 characters", .linkID, at: path)
    case (.orderID, .string(let text)):
      try require(
        text.isOrderID, text, "A-Z, a-z, 0-9, _ and -, 1 to 64 characters", .badValue, at: path)
    case (.coin, .string(let text)):
      try require(text.isCoin, text, "A-Z and 0-9, 1 to 20 characters", .badValue, at: path)
    case (.decimal, .string(let text)):
      try require(
        text.isPlainDecimal, text, "a plain decimal such as \"0.25\"", .badValue, at: path)
    case (.words(let words), .string(let text)):
      let list = words.map { "\"\($0)\"" }.joined(separator: ", ")
      try require(words.contains(text), text, "one of \(list)", .badValue, at: path)
    case (.numbers(let numbers), .number(let number)):
      guard let int = number.int, numbers.contains(int) else {
        let list = numbers.map(String.init).joined(separator: ", ")
        throw OrderError(
          .badValue, "\(number) is not allowed here", fix: "write one of \(list)", at: path)
      }
    default:
      throw OrderError(
        .shape, "this is \(value.kind)", fix: "write \(field.kind.wanted)", at: path)
    }
  }

  private static func require(
    _ holds: Bool, _ text: Text, _ wanted: String, _ code: OrderError.Code, at path: JSONPath
  ) throws(OrderError) {
    guard !holds else { return }
    // Without the text: it is the agent's, and the path names it.
    throw OrderError(
      code, "a text of \(text.count) bytes that is not allowed here", fix: "write \(wanted)",
      at: path)
  }

  static func missing(_ key: Text, at path: JSONPath) -> OrderError {
    OrderError(.missing, "\"\(key)\" is required", fix: "add it", at: path)
  }
}

extension OrderBatch {
  /// Refuses the first number that is not written as RFC 8785 writes it, so that any independent
  /// canonicaliser reproduces the digest of `value`.
  package static func requireCanonicalNumbers(
    _ value: JSONValue, at path: JSONPath = .root
  ) throws(OrderError) {
    switch value {
    case .number(let number) where !number.isCanonical:
      throw OrderError(
        .badNumber, "the number \(number) is not in its RFC 8785 form",
        fix: "write it without exponent, plus sign or trailing zeros, or as a string", at: path)
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        try requireCanonicalNumbers(element, at: path.index(index))
      }
    case .object(let object):
      for member in object.members {
        try requireCanonicalNumbers(member.value, at: path.key(member.key))
      }
    default: break
    }
  }
}

extension OrderField.Kind {
  fileprivate var wanted: String {
    switch self {
    case .symbol, .linkID, .orderID, .coin, .words: "a string"
    case .decimal: "a decimal as a string, such as \"0.25\""
    case .numbers(let numbers):
      "a number, one of \(numbers.map(String.init).joined(separator: ", "))"
    case .flag: "true or false"
    case .legs: "an array"
    }
  }
}

extension Text {
  var isSymbol: Bool {
    (1...OrderBatch.maxSymbolBytes).contains(count)
      && utf8.allSatisfy { $0.isUpperAlphanumeric || $0 == UInt8(ascii: "-") }
  }

  var isLinkID: Bool { count <= OrderBatch.maxLinkIDBytes && isOrderID }

  var isOrderID: Bool {
    (1...OrderBatch.maxOrderIDBytes).contains(count)
      && utf8.allSatisfy {
        $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
      }
  }

  var isCoin: Bool {
    (1...OrderBatch.maxCoinBytes).contains(count) && utf8.allSatisfy(\.isUpperAlphanumeric)
  }

  /// `^\d+(\.\d+)?$` that can be held exactly.
  var isPlainDecimal: Bool {
    count <= OrderBatch.maxDecimalBytes && utf8.first?.isASCIIDigit == true
      && ExactDecimal(string) != nil
  }
}

/// A strict RFC 8259 parser over bytes.
///
/// It keeps number text, refuses duplicate keys, invalid UTF-8, lone surrogates, a byte order mark
/// and anything past `JSONLimits`, and says where. Whatever it accepts means one thing only.
package struct JSONParser {
  private let bytes: [UInt8]
  private let limits: JSONLimits
  private var at = 0
  private var depth = 0
  private var values = 0
  private let extras: Extras
  /// Where the parser is, with `extras.path`.
  private var path: [JSONPath.Step] = []
  /// Offsets of every value by path, with `extras.offsets`.
  private(set) var offsets: [JSONPath: Int] = [:]
  /// Whether all that was read is spelled as `JSONWriter` spells it, with `extras.form`.
  private var isCanonical = true

  /// What a caller wants to know besides the value; each costs time.
  struct Extras: OptionSet {
    let rawValue: UInt8
    static let path = Extras(rawValue: 1)
    static let offsets = Extras(rawValue: 2)
    static let form = Extras(rawValue: 4)
  }

  /// The value of `document`. Throws `JSONError` with line, column and path.
  package static func parse(
    _ document: some Collection<UInt8>, limits: JSONLimits
  ) throws(JSONError) -> JSONValue {
    try parse(Array(document), limits, []).value
  }

  /// The value of `document`, and whether `JSONWriter.canonicalBytes(of:)` would give these bytes for
  /// it: for less than writing them again and comparing.
  package static func parseWithForm(
    _ document: some Collection<UInt8>, limits: JSONLimits
  ) throws(JSONError) -> (value: JSONValue, isCanonical: Bool) {
    try parse(Array(document), limits, .form)
  }

  private static func parse(
    _ bytes: [UInt8], _ limits: JSONLimits, _ extras: Extras
  ) throws(JSONError) -> (value: JSONValue, isCanonical: Bool) {
    var parser = JSONParser(bytes, limits: limits, extras: extras)
    do {
      return (try parser.document(), parser.isCanonical)
    } catch {
      // Only an error needs to say where; then the document is read again.
      parser = JSONParser(bytes, limits: limits, extras: [.path])
      return (try parser.document(), false)
    }
  }

  package static func parse(
    _ document: String, limits: JSONLimits = .file
  ) throws(JSONError) -> JSONValue {
    try parse(document.utf8, limits: limits)
  }

  init(_ bytes: [UInt8], limits: JSONLimits, extras: Extras) {
    self.bytes = bytes
    self.limits = limits
    self.extras = extras
  }

  mutating func document() throws(JSONError) -> JSONValue {
    guard bytes.count <= limits.bytes else {
      throw error(.limit, "the document has \(bytes.count) bytes, the limit is \(limits.bytes)")
    }
    skipSpace()
    let value = try self.value()
    skipSpace()
    guard at == bytes.count else { throw error(.syntax, "unexpected text after the document") }
    return value
  }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipSpace() {
    while at < bytes.count {
      switch bytes[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at += 1
      default: return
      }
      isCanonical = false
    }
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    values += 1
    guard values <= limits.values else {
      throw error(.limit, "more than \(limits.values) values in the document")
    }
    if extras.contains(.offsets) { offsets[JSONPath(path)] = at }
    switch next {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case let byte? where byte.isNumberByte: return .number(try number())
    case nil: throw error(.syntax, "the document ends where a value is expected")
    default: throw error(.syntax, "a value is expected here")
    }
  }

  private mutating func value(
    at step: @autoclosure () -> JSONPath.Step
  ) throws(JSONError) -> JSONValue {
    guard extras.contains(.path) else { return try value() }
    path.append(step())
    let value = try value()
    path.removeLast()
    return value
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError)
    -> JSONValue
  {
    let wanted = Array(word.description.utf8)
    guard bytes[at...].starts(with: wanted) else {
      throw error(.syntax, "\(word) is expected here")
    }
    at += wanted.count
    return value
  }

  private mutating func enter() throws(JSONError) {
    depth += 1
    guard depth <= limits.depth else {
      throw error(.limit, "nested more than \(limits.depth) levels deep")
    }
    at += 1
    skipSpace()
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    try enter()
    var object = JSONObject()
    if next == UInt8(ascii: "}") {
      at += 1
      depth -= 1
      return .object(object)
    }
    while true {
      try member(into: &object)
      guard try another(closing: UInt8(ascii: "}"), of: "object") else { return .object(object) }
    }
  }

  private mutating func member(into object: inout JSONObject) throws(JSONError) {
    guard next == UInt8(ascii: "\"") else { throw error(.syntax, "a key in quotes is expected") }
    let keyOffset = at
    let key = try string()
    guard object.position(of: key) == nil else {
      at = keyOffset
      path.append(.key(key))
      throw error(.duplicateKey, "the key stands twice in this object; write it once")
    }
    skipSpace()
    guard next == UInt8(ascii: ":") else {
      throw error(.syntax, "a colon is expected after the key")
    }
    at += 1
    skipSpace()
    if extras.contains(.form), let last = object.members.last, !last.key.precedesInUTF16(key) {
      isCanonical = false
    }
    object.append(key, try value(at: .key(key)))
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    try enter()
    var elements: [JSONValue] = []
    if next == UInt8(ascii: "]") {
      at += 1
      depth -= 1
      return .array(elements)
    }
    while true {
      elements.append(try value(at: .index(elements.count)))
      guard try another(closing: UInt8(ascii: "]"), of: "array") else { return .array(elements) }
    }
  }

  /// Reads what follows an element: true after a comma, false after the closing bracket.
  private mutating func another(closing: UInt8, of kind: String) throws(JSONError) -> Bool {
    skipSpace()
    switch next {
    case UInt8(ascii: ","):
      at += 1
      skipSpace()
      return true
    case closing:
      at += 1
      depth -= 1
      return false
    case nil: throw error(.syntax, "the document ends inside an \(kind)")
    default: throw error(.syntax, "a comma or the end of the \(kind) is expected")
    }
  }

  private mutating func number() throws(JSONError) -> JSONNumber {
    let start = at
    while let byte = next, byte.isNumberByte { at += 1 }
    let literal = bytes[start..<at]
    guard literal.count <= limits.numberBytes else {
      at = start
      throw error(.limit, "a number of more than \(limits.numberBytes) characters")
    }
    guard JSONNumber.isLiteral(literal) else {
      at = start
      throw error(.syntax, "not a JSON number")
    }
    return JSONNumber(checked: String(decoding: literal, as: UTF8.self))
  }

  private mutating func string() throws(JSONError) -> Text {
    let start = at
    let runStart = at + 1
    var end = runStart
    var seen: UInt8 = 0
    while end < bytes.count {
      let byte = bytes[end]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      seen |= byte
      end += 1
    }
    at = end
    let result: Text?
    if next == UInt8(ascii: "\"") {
      let run = bytes[runStart..<end]
      result = seen < 0x80 ? Text(ascii: run) : Text(utf8: run)
    } else {
      result = Text(utf8: try escaped(after: Array(bytes[runStart..<end])))
    }
    at += 1
    guard let text = result else {
      at = start
      throw error(.invalidUTF8, "a string that is not valid UTF-8")
    }
    guard text.count <= limits.stringBytes else {
      at = start
      throw error(.limit, "a string of more than \(limits.stringBytes) bytes")
    }
    return text
  }

  /// The rest of a string with its escapes resolved; stops on the closing quote.
  private mutating func escaped(after prefix: [UInt8]) throws(JSONError) -> [UInt8] {
    var content = prefix
    while true {
      guard let byte = next else { throw error(.syntax, "the document ends inside a string") }
      if byte == UInt8(ascii: "\"") { return content }
      guard byte >= 0x20 else {
        throw error(.syntax, "a control character in a string; write it as an escape")
      }
      at += 1
      if byte == UInt8(ascii: "\\") {
        try escape(into: &content)
      } else {
        content.append(byte)
      }
    }
  }

  private mutating func escape(into content: inout [UInt8]) throws(JSONError) {
    guard let letter = next else { throw error(.syntax, "the document ends inside a string") }
    let escapeStart = at - 1
    at += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): content.append(letter)
    case UInt8(ascii: "/"):
      content.append(letter)
      isCanonical = false
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"): try unicodeEscape(from: escapeStart, into: &content)
    default:
      at = escapeStart
      throw error(.syntax, "an unknown escape in a string")
    }
  }

  private mutating func unicodeEscape(
    from start: Int, into content: inout [UInt8]
  ) throws(JSONError) {
    var code = UInt32(try hexQuad())
    if code >= 0xD800, code <= 0xDFFF {
      guard code < 0xDC00, bytes[at...].starts(with: [0x5C, 0x75]) else {
        at = start
        throw error(.loneSurrogate, "half of a surrogate pair")
      }
      at += 2
      let low = UInt32(try hexQuad())
      guard low >= 0xDC00, low <= 0xDFFF else {
        at = start
        throw error(.loneSurrogate, "half of a surrogate pair")
      }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else {
      at = start
      throw error(.loneSurrogate, "not a Unicode scalar")
    }
    content.append(contentsOf: String(Character(scalar)).utf8)
    // Only controls without a letter of their own are written so, in small digits.
    if code >= 0x20 || [0x08, 0x09, 0x0A, 0x0C, 0x0D].contains(code)
      || bytes[start..<at].contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) })
    {
      isCanonical = false
    }
  }

  private mutating func hexQuad() throws(JSONError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = byte.hexValue else {
        throw error(.syntax, "four hexadecimal digits are expected after \\u")
      }
      value = value << 4 | UInt16(digit)
      at += 1
    }
    return value
  }

  private func error(_ code: JSONError.Code, _ message: String) -> JSONError {
    JSONError(
      code, message, at: JSONPath(path), position: JSONPosition(offset: at, in: bytes))
  }
}

extension UInt8 {
  fileprivate var isNumberByte: Bool {
    isDigit || self == UInt8(ascii: "-") || self == UInt8(ascii: "+") || self == UInt8(ascii: ".")
      || self == UInt8(ascii: "e") || self == UInt8(ascii: "E")
  }

  fileprivate var hexValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// Line and column of every value of a document that parses.
package struct JSONLocator: Sendable {
  private let bytes: [UInt8]
  private let offsets: [JSONPath: Int]

  package init(_ document: some Collection<UInt8>) {
    bytes = Array(document)
    var parser = JSONParser(bytes, limits: .peer, extras: [.path, .offsets])
    _ = try? parser.document()
    offsets = parser.offsets
  }

  /// The place of what stands at `path`, or of what is nearest around it.
  package func position(of path: JSONPath) -> JSONPosition? {
    var path = path
    while offsets[path] == nil, !path.steps.isEmpty { path.steps.removeLast() }
    return offsets[path].map { JSONPosition(offset: $0, in: bytes) }
  }
}

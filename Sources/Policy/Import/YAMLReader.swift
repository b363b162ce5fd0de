import JSON

/// The part of YAML that policies are written in: block and flow mappings and sequences, plain and
/// quoted scalars on one line, comments.
///
/// Everything that readers of YAML disagree about, or that lets a document say something else than it
/// shows, is refused with its place: anchors, aliases, tags, merge keys, block text, several documents,
/// keys that stand twice, tabs before text, and plain scalars that some readers take for a number or a
/// boolean and others for text.
struct YAMLReader {
  /// Collections inside each other.
  static let maxDepth = 32

  private let bytes: [UInt8]
  /// Where each line begins.
  private let lines: [Int]
  private var at = 0
  private var depth = 0
  /// Where each member and element begins.
  private(set) var positions: [JSONPath: JSONPosition] = [:]

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
    lines = [0] + bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
  }

  static func read(
    _ bytes: some Collection<UInt8>
  ) throws(JSONError) -> (value: JSONValue, positions: [JSONPath: JSONPosition]) {
    let bytes = Array(bytes)
    guard Text(utf8: bytes) != nil else { throw JSONError(.invalidUTF8, "the file is not UTF-8") }
    var reader = YAMLReader(bytes)
    let value = try reader.document()
    return (value, reader.positions)
  }

  private mutating func document() throws(JSONError) -> JSONValue {
    try skipToToken()
    if column == 0, starts(with: "---"), isBlank(at + 3) {
      at += 3
      try skipToToken()
    }
    guard at < bytes.count else { throw bad("the document is empty") }
    positions[.root] = position
    let value = try node(.root)
    try skipToToken()
    guard at == bytes.count else { throw bad("this does not belong to what stands before it") }
    return value
  }

  // MARK: Block

  private mutating func node(_ path: JSONPath) throws(JSONError) -> JSONValue {
    guard depth < Self.maxDepth else { throw bad("more than \(Self.maxDepth) levels") }
    depth += 1
    defer { depth -= 1 }
    if isDash { return try sequence(path) }
    let start = at
    if byte != UInt8(ascii: "{"), byte != UInt8(ascii: "["), try key() != nil {
      at = start
      return try mapping(path)
    }
    at = start
    return try inline(path)
  }

  private mutating func sequence(_ path: JSONPath) throws(JSONError) -> JSONValue {
    let column = column
    var all: [JSONValue] = []
    while at < bytes.count, self.column == column, isDash {
      let place = path.index(all.count)
      positions[place] = position
      at += 1
      skipBlanks()
      let sameLine = !isLineEnd
      try skipToToken()
      let isThere = at < bytes.count && (sameLine || self.column > column)
      all.append(isThere ? try node(place) : .null)
      try skipToToken()
    }
    // Members of the mapping around it may stand in the same column.
    try checkIndent(column + 1)
    return .array(all)
  }

  private mutating func mapping(_ path: JSONPath) throws(JSONError) -> JSONValue {
    let column = column
    var object = JSONObject()
    while at < bytes.count, self.column == column, !isDash {
      let start = position
      guard let key = try key() else { throw bad("a key and a colon are expected") }
      let place = path.key(key)
      guard object[key] == nil else {
        throw JSONError(.duplicateKey, "the key stands twice", at: place, position: start)
      }
      positions[place] = start
      skipBlanks()
      if isLineEnd {
        try skipToToken()
        let isNested = at < bytes.count && (self.column > column || self.column == column && isDash)
        object[key] = isNested ? try node(place) : .null
      } else {
        guard !isDash else { throw bad("a list begins on a line of its own") }
        object[key] = try inline(place)
      }
      try skipToToken()
    }
    try checkIndent(column)
    return .object(object)
  }

  /// What follows is further out, or nothing.
  private func checkIndent(_ column: Int) throws(JSONError) {
    guard at == bytes.count || self.column < column || self.column == column && isDash else {
      throw bad("the indentation does not fit what stands above it")
    }
  }

  /// A key and its colon, which are consumed; nil when here is none.
  private mutating func key() throws(JSONError) -> Text? {
    let key: Text
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
      key = try quoted()
      skipBlanks()
    } else {
      guard !starts(with: "? ") else { throw bad("a complex key is not read") }
      key = try plain(inFlow: false)
    }
    guard byte == UInt8(ascii: ":"), isBlank(at + 1) else { return nil }
    guard key != "<<" else { throw bad("merge keys are not read; write the members out") }
    at += 1
    return key
  }

  /// A flow collection or a scalar, with nothing behind it on its line.
  private mutating func inline(_ path: JSONPath) throws(JSONError) -> JSONValue {
    let value = try flow(path, inFlow: false)
    skipBlanks()
    guard isLineEnd else { throw bad("the line goes on where its value has ended") }
    return value
  }

  // MARK: Flow

  private mutating func flow(_ path: JSONPath, inFlow: Bool) throws(JSONError) -> JSONValue {
    guard depth < Self.maxDepth else { throw bad("more than \(Self.maxDepth) levels") }
    depth += 1
    defer { depth -= 1 }
    switch byte {
    case UInt8(ascii: "{"): return try flowMapping(path)
    case UInt8(ascii: "["): return try flowSequence(path)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try quoted())
    default:
      let start = at
      let text = try plain(inFlow: inFlow)
      return try scalar(text, at: start)
    }
  }

  private mutating func flowSequence(_ path: JSONPath) throws(JSONError) -> JSONValue {
    at += 1
    var all: [JSONValue] = []
    try skipToToken()
    while byte != UInt8(ascii: "]") {
      let place = path.index(all.count)
      positions[place] = position
      all.append(try flow(place, inFlow: true))
      try flowSeparator(UInt8(ascii: "]"))
    }
    at += 1
    return .array(all)
  }

  private mutating func flowMapping(_ path: JSONPath) throws(JSONError) -> JSONValue {
    at += 1
    var object = JSONObject()
    try skipToToken()
    while byte != UInt8(ascii: "}") {
      let start = position
      let isQuoted = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
      let key = isQuoted ? try quoted() : try plain(inFlow: true)
      let place = path.key(key)
      guard object[key] == nil else {
        throw JSONError(.duplicateKey, "the key stands twice", at: place, position: start)
      }
      positions[place] = start
      try skipToToken()
      guard byte == UInt8(ascii: ":"), isQuoted || isBlank(at + 1) else {
        throw bad("a colon is expected behind the key")
      }
      at += 1
      try skipToToken()
      object[key] = try flow(place, inFlow: true)
      try flowSeparator(UInt8(ascii: "}"))
    }
    at += 1
    return .object(object)
  }

  /// A comma and what stands before the next element, or the end, which is not consumed.
  private mutating func flowSeparator(_ end: UInt8) throws(JSONError) {
    try skipToToken()
    if byte == UInt8(ascii: ",") {
      at += 1
      return try skipToToken()
    }
    guard byte == end else { throw bad("a comma or the end of the collection is expected") }
  }

  // MARK: Scalars

  private static let indicators = Set("-?:,[]{}#&*!|>'\"%@`".utf8)

  private mutating func plain(inFlow: Bool) throws(JSONError) -> Text {
    guard let first = byte else { throw bad("a value is expected") }
    let isNegative = first == UInt8(ascii: "-") && !isBlank(at + 1)
    guard !Self.indicators.contains(first) || isNegative else {
      throw bad(Self.words(of: first))
    }
    let start = at
    while let next = byte, next != UInt8(ascii: "\n"), next != UInt8(ascii: "\r") {
      if next == UInt8(ascii: ":"), isBlank(at + 1) { break }
      if next == UInt8(ascii: "#"), at > start, isSpace(bytes[at - 1]) { break }
      if inFlow, Set(",[]{}".utf8).contains(next) { break }
      guard next >= 0x20 || next == 0x09 else { throw bad("a control character") }
      at += 1
    }
    var end = at
    while end > start, isSpace(bytes[end - 1]) { end -= 1 }
    at = end
    skipBlanks()
    return Text(utf8: bytes[start..<end]) ?? ""
  }

  private static func words(of indicator: UInt8) -> String {
    switch indicator {
    case UInt8(ascii: "&"), UInt8(ascii: "*"):
      "anchors and aliases are not read; write it out, or put a name such as \"*\" into quotes"
    case UInt8(ascii: "!"): "tags are not read"
    case UInt8(ascii: "|"), UInt8(ascii: ">"): "block text is not read; write it in quotes"
    default: "a value is expected; put text that begins so into quotes"
    }
  }

  /// A quoted scalar on one line.
  private mutating func quoted() throws(JSONError) -> Text {
    let quote = bytes[at]
    let start = at
    var single: [UInt8] = []
    at += 1
    while let next = byte, next != UInt8(ascii: "\n"), next != UInt8(ascii: "\r") {
      at += 1
      if next == quote {
        guard quote == UInt8(ascii: "'"), byte == quote else {
          return quote == UInt8(ascii: "'")
            ? Text(utf8: single) ?? "" : try unescaped(start..<at)
        }
        at += 1
      }
      single.append(next)
      if next == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") { at += 1 }
    }
    at = min(at, bytes.count)
    throw bad("quoted text ends on the line on which it begins")
  }

  /// Double-quoted text has the escapes of JSON; others are refused.
  private func unescaped(_ range: Range<Int>) throws(JSONError) -> Text {
    do throws(JSONError) {
      return try JSONCursor(try JSONParser.parse(bytes[range], limits: .file)).text()
    } catch {
      throw JSONError(
        error.code, error.message, position: position(range.lowerBound))
    }
  }

  private func scalar(_ text: Text, at start: Int) throws(JSONError) -> JSONValue {
    switch text.string {
    case "~", "null", "Null", "NULL", "": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    default: break
    }
    let lower = text.string.lowercased()
    if let number = try? JSONParser.parse(text.utf8, limits: .file), case .number = number {
      return number
    }
    guard !["yes", "no", "on", "off", "y", "n"].contains(lower), !Self.looksNumeric(lower) else {
      throw JSONError(
        .badValue,
        "some readers take \(text) for a number or a boolean, others for text; write it in quotes, or "
          + "as a plain number, true or false",
        position: position(start))
    }
    return .string(text)
  }

  private static func looksNumeric(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    let unsigned = bytes.drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    if unsigned.elementsEqual(".inf".utf8) || unsigned.elementsEqual(".nan".utf8) { return true }
    guard let first = unsigned.first, (48...57).contains(first) || first == UInt8(ascii: ".") else {
      return false
    }
    let odd = Set("0123456789abcdefxo_.:+-".utf8)
    return unsigned.allSatisfy(odd.contains) && unsigned.contains { (48...57).contains($0) }
  }

  // MARK: Bytes

  private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }
  private var position: JSONPosition { position(at) }
  private var column: Int { position.column - 1 }

  private func position(_ offset: Int) -> JSONPosition {
    var (low, high) = (0, lines.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if lines[middle] <= offset { low = middle } else { high = middle }
    }
    return JSONPosition(line: low + 1, column: offset - lines[low] + 1)
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Whether a space, a line's end or the end of the file stands there.
  private func isBlank(_ place: Int) -> Bool {
    place >= bytes.count || isSpace(bytes[place]) || bytes[place] == UInt8(ascii: "\n")
      || bytes[place] == UInt8(ascii: "\r")
  }

  private var isDash: Bool { byte == UInt8(ascii: "-") && isBlank(at + 1) }

  private var isLineEnd: Bool {
    switch byte {
    case nil, UInt8(ascii: "\n"), UInt8(ascii: "\r"): true
    case UInt8(ascii: "#"): at == 0 || isSpace(bytes[at - 1])
    default: false
    }
  }

  private func starts(with text: String) -> Bool { bytes[at...].starts(with: text.utf8) }

  private mutating func skipBlanks() {
    while let next = byte, isSpace(next) { at += 1 }
  }

  /// Goes over spaces, comments and line ends.
  private mutating func skipToToken() throws(JSONError) {
    while let next = byte {
      if next == UInt8(ascii: "#") {
        while let more = byte, more != UInt8(ascii: "\n") { at += 1 }
      } else if next == 0x09, bytes[..<at].last(where: { $0 != 0x20 }) ?? 0x0A == 0x0A {
        throw bad("a tab stands before the text of a line; use spaces")
      } else if isSpace(next) || next == UInt8(ascii: "\n") || next == UInt8(ascii: "\r") {
        at += 1
      } else {
        return
      }
    }
  }

  private func bad(_ message: String) -> JSONError {
    JSONError(.syntax, message, position: position)
  }
}

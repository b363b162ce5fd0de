import Terminal

/// What is wrong with `keys.toml`, and where.
package struct KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// From 1.
  package let line: Int
  package let message: String

  package var description: String { "line \(line): \(message)" }
}

extension Keymap {
  /// The largest file that is read, in bytes.
  package static let fileLimit = 64 * 1024

  /// The standard table with the keys of `keys.toml` in place of its own.
  ///
  /// A file is lines `action = "key"` or `action = ["key", "key"]`, under an optional `[keys]`, with
  /// comments after `#`. What is named gets exactly these keys; an empty list takes a key away. The
  /// guard rails are not for sale: the approve key only ever opens the panel, and it is no key that is
  /// hit by accident; reject, back, halt and the way to quit keep a key.
  ///
  /// Throws with the line for everything else, also for two actions on one key of one screen.
  package init(file text: String) throws(KeyFileError) {
    self = .standard
    var lines: [Action: Int] = [:]
    // By bytes: CR and LF are one character, and none of a file's lines.
    let all = Array(text.utf8).split(separator: 10, omittingEmptySubsequences: false)
    for (index, line) in all.enumerated() {
      guard let entry = try KeyFileLine(line, number: index + 1) else { continue }
      guard lines.updateValue(index + 1, forKey: entry.action) == nil else {
        throw entry.bad("\(entry.action.rawValue) stands here twice")
      }
      guard let at = bindings.firstIndex(where: { $0.action == entry.action }) else {
        throw entry.bad("\(entry.action.rawValue) has no place in the key table")
      }
      bindings[at].keys = entry.keys
    }
    try checkRails(lines)
    try checkClashes(lines)
  }

  /// Keys that no file can give to what opens a panel: what is hit by itself, or leads on everywhere.
  private static let neverApprove: Set<Key> = [
    .enter, .escape, .tab, .backTab, .backspace, .delete, " ", .up, .down, .left, .right, .pageUp,
    .pageDown, .home, .end,
  ]
  private static let opensPanel: [Action] = [.arm, .accept]
  private static let neverUnbound: [Action] = [.reject, .back, .halt, .interrupt, .suspend]

  private func checkRails(_ lines: [Action: Int]) throws(KeyFileError) {
    for binding in bindings {
      guard let line = lines[binding.action] else { continue }
      if Self.opensPanel.contains(binding.action),
        let key = binding.keys.first(where: Self.neverApprove.contains)
      {
        throw KeyFileError(
          line: line, message: "\(key.label) cannot open the approval panel: it is hit by accident")
      }
      if Self.opensPanel.contains(binding.action), binding.keys.contains(where: { $0.isDigit }) {
        throw KeyFileError(
          line: line, message: "a digit cannot open the approval panel: the code is made of digits")
      }
      if binding.action == .halt, let key = binding.keys.first(where: { $0.isTyped }) {
        throw KeyFileError(
          line: line, message: "\(key.label) cannot halt: it is typed into the approval panel")
      }
      if Self.neverUnbound.contains(binding.action), binding.keys.isEmpty {
        throw KeyFileError(line: line, message: "\(binding.action.rawValue) must keep a key")
      }
    }
  }

  private func checkClashes(_ lines: [Action: Int]) throws(KeyFileError) {
    for (index, binding) in bindings.enumerated() {
      for other in bindings.dropFirst(index + 1)
      where !binding.screens.isDisjoint(with: other.screens) {
        guard let key = binding.keys.first(where: other.keys.contains) else { continue }
        let line = max(lines[binding.action] ?? 0, lines[other.action] ?? 0)
        throw KeyFileError(
          line: line,
          message: "\(key.label) would mean \(binding.action.rawValue) and \(other.action.rawValue)"
        )
      }
    }
  }
}

extension Key {
  fileprivate var isDigit: Bool {
    if case .character(let scalar) = self { (48...57).contains(scalar.value) } else { false }
  }

  /// Whether the text that the panel asks for may hold it.
  fileprivate var isTyped: Bool {
    guard case .character(let scalar) = self else { return false }
    return scalar.properties.isAlphabetic || isDigit || [" ", ".", "-"].contains(scalar)
  }

  private static let names: KeyValuePairs<String, Key> = [
    "space": " ", "enter": .enter, "esc": .escape, "tab": .tab, "s-tab": .backTab,
    "bs": .backspace, "del": .delete, "up": .up, "down": .down, "left": .left, "right": .right,
    "pgup": .pageUp, "pgdn": .pageDown, "home": .home, "end": .end,
  ]

  /// A key as `label` writes it; nil when there is no such key.
  init?(name: String) {
    let scalars = Array(name.unicodeScalars)
    if scalars.count == 1 {
      self = .character(scalars[0])
      return
    }
    let low = name.lowercased()
    if let named = Self.names.first(where: { $0.key.utf8.elementsEqual(low.utf8) })?.value {
      self = named
    } else if scalars.count == 2, scalars[0] == "^",
      ("a"..."z").contains(low.unicodeScalars.last ?? " ")
    {
      self = .control(Character(String(low.unicodeScalars.suffix(1))))
    } else if scalars.first == "F", let number = Int(name.dropFirst()), (1...12).contains(number) {
      self = .function(number)
    } else {
      return nil
    }
  }
}

/// One line of `keys.toml` that says something.
private struct KeyFileLine {
  let number: Int
  let action: Action
  let keys: [Key]

  /// Nil for a blank line, a comment and `[keys]`.
  init?(_ line: ArraySlice<UInt8>, number: Int) throws(KeyFileError) {
    self.number = number
    var reader = LineReader(line, number: number)
    reader.skipBlanks()
    if reader.isAtEnd || reader.take("#") { return nil }
    if reader.take("[") {
      guard reader.name() == "keys", reader.take("]") else {
        throw reader.bad("only the table [keys] is known here")
      }
      try reader.end()
      return nil
    }
    let name = reader.name()
    guard let action = Action.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name.utf8) })
    else {
      throw reader.bad("\"\(name)\" is no action; the help page of the console lists them by `:`")
    }
    self.action = action
    reader.skipBlanks()
    guard reader.take("=") else { throw reader.bad("= is expected after \(name)") }
    reader.skipBlanks()
    keys = try reader.keys()
    try reader.end()
  }

  func bad(_ message: String) -> KeyFileError { KeyFileError(line: number, message: message) }
}

/// Reads one line from the left. Bytes, so that no two scalars become one character.
private struct LineReader {
  private var rest: ArraySlice<UInt8>
  private let number: Int

  init(_ line: ArraySlice<UInt8>, number: Int) {
    rest = line
    if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
    self.number = number
  }

  var isAtEnd: Bool { rest.isEmpty }

  func bad(_ message: String) -> KeyFileError { KeyFileError(line: number, message: message) }

  mutating func skipBlanks() {
    while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
  }

  mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: byte) else { return false }
    rest.removeFirst()
    return true
  }

  /// Letters, digits and `-`.
  mutating func name() -> String {
    let word = rest.prefix { byte in
      (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    rest = rest.dropFirst(word.count)
    return String(decoding: word, as: UTF8.self)
  }

  /// One key in quotes, or several in brackets.
  mutating func keys() throws(KeyFileError) -> [Key] {
    guard take("[") else { return [try key()] }
    var keys: [Key] = []
    skipBlanks()
    while !take("]") {
      keys.append(try key())
      skipBlanks()
      if !take(",") {
        skipBlanks()
        guard take("]") else { throw bad("a comma or ] is expected after a key") }
        return keys
      }
      skipBlanks()
    }
    return keys
  }

  private mutating func key() throws(KeyFileError) -> Key {
    guard take("\"") else { throw bad("a key stands in quotes: \"a\", \"^L\", \"PgDn\", \"F1\"") }
    var word: [UInt8] = []
    while let byte = rest.first, byte != UInt8(ascii: "\"") {
      rest.removeFirst()
      if byte == UInt8(ascii: "\\") {
        guard let next = rest.popFirst(), next == UInt8(ascii: "\\") || next == UInt8(ascii: "\"")
        else { throw bad("only \\\\ and \\\" are known after a backslash") }
        word.append(next)
      } else {
        word.append(byte)
      }
    }
    guard take("\"") else { throw bad("the quotes are not closed") }
    let name = String(decoding: word, as: UTF8.self)
    guard let key = Key(name: name) else { throw bad("\"\(name)\" is no key") }
    return key
  }

  /// Nothing but a comment may follow.
  mutating func end() throws(KeyFileError) {
    skipBlanks()
    guard rest.isEmpty || rest.first == UInt8(ascii: "#") else {
      throw bad("nothing is expected after that")
    }
  }
}

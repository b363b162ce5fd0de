/// Text for troff with the macros of man(7); ASCII only, so that every formatter reads it.
struct Roff {
  private(set) var output = ""
  /// Whether prose stands above, which a paragraph is to be set apart from.
  private var isInProse = false

  mutating func request(_ name: String, _ arguments: [String] = []) {
    let words = arguments.map {
      "\""
        + Self.code($0).split(
          separator: "\"", omittingEmptySubsequences: false
        ).joined(separator: #"\(dq"#) + "\""
    }
    output += ([".\(name)"] + words).joined(separator: " ") + "\n"
    isInProse = false
  }

  /// A line that is roff already.
  mutating func raw(_ line: String) { output += line + "\n" }

  /// Prose; an empty line begins a new paragraph.
  mutating func paragraphs(_ prose: String) {
    for block in Self.blocks(prose) {
      if isInProse { request("PP") }
      raw(Self.text(block))
      isInProse = true
    }
  }

  private static func blocks(_ prose: String) -> [String] {
    var blocks: [[Substring]] = [[]]
    for line in prose.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty { blocks.append([]) } else { blocks[blocks.count - 1].append(line) }
    }
    return blocks.filter { !$0.isEmpty }.map { $0.joined(separator: " ") }
  }

  /// Prose in which nothing is a request.
  static func text(_ prose: String) -> String {
    // Two hyphens begin an option, which people copy.
    let escaped = escape(prose, hyphen: "-").replacing("--", with: #"\-\-"#)
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? #"\&"# + escaped : escaped
  }

  /// Something that is typed: its hyphens are minus signs, so that it can be copied.
  static func code(_ words: String) -> String { escape(words, hyphen: #"\-"#) }

  private static func escape(_ text: String, hyphen: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": #"\e"#
      case "-": hyphen
      case "`": #"\(ga"#
      case "~": #"\(ti"#
      case "^": #"\(ha"#
      case " "..."~": String(scalar)
      default: "\\[u\(hex(scalar.value))]"
      }
    }.joined()
  }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}

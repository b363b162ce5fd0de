/// Text of another party as one line of a log: whatever it holds, it starts no new line, moves no
/// cursor and hides nothing.
enum LogLine {
  /// Characters that are kept.
  static let longest = 1000

  static func text(_ bytes: some Sequence<UInt8>) -> String {
    text(String(decoding: Array(bytes), as: UTF8.self))
  }

  static func text(_ string: String) -> String {
    var line = ""
    var count = 0
    for scalar in string.unicodeScalars {
      guard count < longest else { return line + "…" }
      count += 1
      if isVisible(scalar) {
        line.unicodeScalars.append(scalar)
      } else {
        line += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return line
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return (0x20...0x7E).contains(scalar.value) }
    if scalar.properties.isDefaultIgnorableCodePoint { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
      .unassigned:
      return false
    default: return true
    }
  }
}

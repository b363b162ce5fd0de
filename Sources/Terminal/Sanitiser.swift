/// Turns text of any origin into text that only ever advances the cursor.
///
/// - C0 and DEL become `^X`, C1 becomes `M-^X`, all else that has no cell becomes `<U+XXXX>`.
/// - At most `marksPerBase` combining marks stay with their base; later ones, and one without a
///   base, are escaped.
/// - A byte sequence that is not UTF-8 becomes U+FFFD.
struct Sanitiser {
  /// Combining marks that may share a cell with their base.
  static let marksPerBase = 2

  private(set) var text = ""
  private(set) var width = 0
  /// How many scalars or bad byte sequences were not taken as they came.
  private(set) var replacements = 0
  private var room = 0

  mutating func append(_ string: String) {
    for scalar in string.unicodeScalars { append(scalar) }
  }

  mutating func append(bytes: some Sequence<UInt8>) {
    var iterator = bytes.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    while true {
      switch parser.parseScalar(from: &iterator) {
      case .valid(let encoded): append(Unicode.UTF8.decode(encoded))
      case .error: appendReplacementCharacter()
      case .emptyInput: return
      }
    }
  }

  mutating func append(_ scalar: Unicode.Scalar) {
    switch ScalarClass(scalar) {
    case .narrow, .wide: keep(scalar)
    case .mark where room > 0: keepMark(scalar)
    case .mark, .escaped: escape(scalar)
    }
  }

  private mutating func keep(_ scalar: Unicode.Scalar) {
    text.unicodeScalars.append(scalar)
    width += ScalarClass(scalar).width
    room = Sanitiser.marksPerBase
  }

  private mutating func keepMark(_ scalar: Unicode.Scalar) {
    text.unicodeScalars.append(scalar)
    room -= 1
  }

  private mutating func appendReplacementCharacter() {
    keep("\u{FFFD}")
    room = 0
    replacements += 1
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    let visible = Sanitiser.visibleForm(of: scalar)
    text += visible
    width += visible.utf8.count
    // A mark that followed would sit on the escape and change how it reads.
    room = 0
    replacements += 1
  }

  private static func visibleForm(of scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0..<0x20: "^" + caretLetter(scalar.value)
    case 0x7F: "^?"
    case 0x80..<0xA0: "M-^" + caretLetter(scalar.value - 0x80)
    default: "<U+" + hexadecimal(scalar.value) + ">"
    }
  }

  private static func caretLetter(_ value: UInt32) -> String {
    String(Character(Unicode.Scalar(UInt8(value) + 0x40)))
  }

  private static func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}

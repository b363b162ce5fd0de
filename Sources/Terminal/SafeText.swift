/// Text that can do nothing to a terminal except fill cells: the only text that a `Frame` draws.
///
/// There are four ways to make one: from a literal of this program, from ASCII that this program
/// built (`ascii:`), from an integer, and from anything else (`untrusted:`), which is sanitised.
/// Sanitising clean text changes nothing, and sanitising twice is the same as once.
package struct SafeText: Sendable {
  /// The text as it will be drawn: one line, printable scalars only.
  package let string: String
  /// Cells that the text takes.
  package let width: Int
  /// Scalars and bad byte sequences that were shown as an escape instead of themselves.
  package let replacements: Int

  private init(string: String, width: Int, replacements: Int) {
    self.string = string
    self.width = width
    self.replacements = replacements
  }

  private init(_ sanitiser: Sanitiser) {
    self.init(
      string: sanitiser.text, width: sanitiser.width, replacements: sanitiser.replacements)
  }

  /// A literal of this program. A literal that would need an escape is a bug and traps.
  package init(_ literal: StaticString) {
    var sanitiser = Sanitiser()
    sanitiser.append(literal.description)
    precondition(sanitiser.replacements == 0, "a literal with a character that cannot be drawn")
    self.init(sanitiser)
  }

  /// Text from outside: an agent, an exchange, a file, a name.
  package init(untrusted string: String) {
    var sanitiser = Sanitiser()
    sanitiser.append(string)
    self.init(sanitiser)
  }

  /// Bytes from outside; what is not UTF-8 becomes U+FFFD and is counted.
  package init(untrusted bytes: some Sequence<UInt8>) {
    var sanitiser = Sanitiser()
    sanitiser.append(bytes: bytes)
    self.init(sanitiser)
  }

  /// Text that this program built from digits and names of its own: printable ASCII, or it traps.
  package init(ascii string: String) {
    precondition(
      string.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "not printable ASCII")
    self.init(string: string, width: string.utf8.count, replacements: 0)
  }

  /// An integer in decimal.
  package init(_ number: some BinaryInteger) {
    self.init(ascii: String(number))
  }

  /// No text.
  package static let empty = SafeText(string: "", width: 0, replacements: 0)

  /// `count` blanks; none when `count` is negative.
  package static func blanks(_ count: Int) -> SafeText {
    SafeText(ascii: String(repeating: " ", count: max(0, count)))
  }

  package var isEmpty: Bool { width == 0 }
}

extension SafeText {
  /// The two texts in a row. `replacements` add up.
  package static func + (a: SafeText, b: SafeText) -> SafeText {
    SafeText(
      string: a.string + b.string, width: a.width + b.width,
      replacements: a.replacements + b.replacements)
  }

  package static func += (a: inout SafeText, b: SafeText) { a = a + b }

  /// The cells of the text, in order; each has its base, its marks and its width.
  var glyphs: [Glyph] {
    var result: [Glyph] = []
    result.reserveCapacity(width)
    for scalar in string.unicodeScalars {
      if ScalarClass(scalar) == .mark, !result.isEmpty {
        result[result.count - 1].add(mark: scalar)
      } else {
        result.append(Glyph(scalar))
      }
    }
    return result
  }

  init(_ glyphs: some Sequence<Glyph>, replacements: Int) {
    var string = ""
    var width = 0
    for glyph in glyphs {
      string.unicodeScalars.append(contentsOf: glyph.scalars)
      width += glyph.width
    }
    self.init(string: string, width: width, replacements: replacements)
  }
}

extension SafeText: Hashable {
  /// Equal when the bytes are: canonically equivalent texts differ.
  package static func == (a: SafeText, b: SafeText) -> Bool {
    a.string.utf8.elementsEqual(b.string.utf8) && a.replacements == b.replacements
  }

  package func hash(into hasher: inout Hasher) {
    for byte in string.utf8 { hasher.combine(byte) }
    hasher.combine(replacements)
  }
}

extension SafeText: ExpressibleByStringLiteral {
  package init(stringLiteral value: StaticString) { self.init(value) }
}

extension SafeText: CustomStringConvertible {
  package var description: String { string }
}

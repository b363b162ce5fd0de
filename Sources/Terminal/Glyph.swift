/// One drawn character: a base and up to two combining marks.
package struct Glyph: Hashable, Sendable {
  package private(set) var base: Unicode.Scalar
  private var firstMark: Unicode.Scalar?
  private var secondMark: Unicode.Scalar?

  init(_ base: Unicode.Scalar) { self.base = base }

  static let blank = Glyph(" ")

  /// The combining marks, none to two.
  package var marks: [Unicode.Scalar] { [firstMark, secondMark].compactMap { $0 } }
  package var scalars: [Unicode.Scalar] { [base] + marks }
  /// One or two cells.
  package var width: Int { ScalarClass(base) == .wide ? 2 : 1 }

  mutating func add(mark: Unicode.Scalar) {
    if firstMark == nil {
      firstMark = mark
    } else if secondMark == nil {
      secondMark = mark
    }
  }
}

/// One cell of a frame.
package struct Cell: Hashable, Sendable {
  /// What is drawn here; nil in the right half of a wide character.
  package var glyph: Glyph?
  package var style: Style

  package static let blank = Cell(glyph: .blank, style: .normal)
}

private import CNcurses
internal import Terminal

/// Hands cells to curses.
@safe struct Painter {
  private let handle: OpaquePointer
  private let palette: Palette

  init(_ handle: OpaquePointer, _ palette: Palette) {
    unsafe self.handle = handle
    self.palette = palette
    for tone in Tone.allCases {
      let look = palette.appearance(of: tone)
      unsafe cn_define_style(
        handle, Int32(tone.rawValue), Int32(look.foreground ?? -1), Int32(look.background ?? -1))
    }
  }

  /// Puts the cells of `frame` that differ from those of `base`, a frame of the same size.
  func paint(_ frame: Frame, over base: Frame) {
    let width = frame.size.width
    for index in frame.cells.indices where frame.cells[index] != base.cells[index] {
      guard let glyph = frame.cells[index].glyph else { continue }
      put(glyph, frame.cells[index].style, row: index / width, column: index % width)
    }
  }

  private func put(_ glyph: Glyph, _ style: Style, row: Int, column: Int) {
    let scalars = glyph.scalars.map(\.value)
    unsafe cn_put(
      handle, Int32(row), Int32(column), scalars, Int32(scalars.count), Int32(glyph.width),
      Int32(style.tone.rawValue), attributes(of: style))
  }

  private func attributes(of style: Style) -> Int32 {
    let look = palette.appearance(of: style)
    var bits = 0
    if look.isBold { bits |= CN_BOLD }
    if look.isDim { bits |= CN_DIM }
    if look.isReverse { bits |= CN_REVERSE }
    if look.isUnderlined { bits |= CN_UNDERLINE }
    return Int32(bits)
  }
}

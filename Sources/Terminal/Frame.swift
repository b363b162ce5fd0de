/// The characters that rules and boxes are made of.
package enum GlyphSet: Sendable {
  case ascii, unicode

  var horizontal: Glyph { self == .ascii ? Glyph("-") : Glyph("\u{2500}") }
  var vertical: Glyph { self == .ascii ? Glyph("|") : Glyph("\u{2502}") }
  var corners: [Glyph] {
    self == .ascii
      ? [Glyph](repeating: Glyph("+"), count: 4)
      : [Glyph("\u{250C}"), Glyph("\u{2510}"), Glyph("\u{2514}"), Glyph("\u{2518}")]
  }
}

/// What a field shows of text that does not fit.
package enum Clipping: Sendable {
  /// The beginning, and `>` in the last cell.
  case mark
  /// The beginning.
  case cut
  /// `#` in every cell: for a value that must not be read in part.
  case refuse
}

/// A screenful of cells. Drawing outside of it is ignored.
///
/// A value without any terminal behind it: screens are tested by `picture` and `styles`.
package struct Frame: Hashable, Sendable {
  /// The most columns or rows that a frame has; a terminal that claims more gets this many.
  package static let longestSide = 1_000

  package let size: Size
  package let glyphs: GlyphSet
  /// Where the hardware cursor stands; nil hides it.
  package var cursor: Point?
  /// Row by row, `size.width` cells each.
  package private(set) var cells: [Cell]

  package init(size: Size, glyphs: GlyphSet = .ascii) {
    self.size = Size(
      width: min(size.width, Frame.longestSide), height: min(size.height, Frame.longestSide))
    self.glyphs = glyphs
    self.cells = Array(repeating: .blank, count: self.size.width * self.size.height)
  }

  /// The whole frame.
  package var bounds: Rect { Rect(size: size) }

  package subscript(point: Point) -> Cell? {
    bounds.contains(point) ? cells[point.y * size.width + point.x] : nil
  }

  /// Draws one line of text and says whether some of it did not fit.
  ///
  /// With a `width` the text stands in a field of that many cells, all of which take the style;
  /// without one it takes what it needs, up to the frame's right edge. A field that reaches over
  /// the edge ends there.
  @discardableResult
  package mutating func draw(
    _ text: SafeText, at point: Point, style: Style = .normal, width: Int? = nil,
    align: Alignment = .left, clip: Clipping = .mark
  ) -> Bool {
    let room = size.width - point.x
    let field = max(0, min(width ?? room, room))
    let isClipped = text.width > field
    let isHidden = point.y < 0 || point.y >= size.height || point.x < 0
    guard !isHidden, field > 0 else { return isClipped || (isHidden && !text.isEmpty) }
    let shown = isClipped ? Frame.clipped(text, to: field, clip) : text
    put(width == nil ? shown : shown.padded(to: field, align: align), at: point, style)
    return isClipped
  }

  /// Draws in row `row` of `block`, counted from its top, over the block's whole width.
  @discardableResult
  package mutating func draw(
    _ text: SafeText, in block: Rect, row: Int = 0, style: Style = .normal,
    align: Alignment = .left, clip: Clipping = .mark
  ) -> Bool {
    guard row >= 0, row < block.height else { return !text.isEmpty }
    return draw(
      text, at: block.row(row), style: style, width: block.width, align: align, clip: clip)
  }

  /// Makes every cell of `block` blank, in `style`.
  package mutating func fill(_ block: Rect, style: Style = .normal) {
    fill(block, Glyph.blank, style)
  }

  /// Gives the cells of `block` a style and leaves their text.
  package mutating func restyle(_ block: Rect, _ change: (Style) -> Style) {
    forEachPoint(of: block) { frame, index in
      frame.cells[index].style = change(frame.cells[index].style)
    }
  }

  package mutating func horizontalRule(at point: Point, width: Int, style: Style = .border) {
    fill(Rect(x: point.x, y: point.y, width: width, height: 1), glyphs.horizontal, style)
  }

  package mutating func verticalRule(at point: Point, height: Int, style: Style = .border) {
    fill(Rect(x: point.x, y: point.y, width: 1, height: height), glyphs.vertical, style)
  }

  /// A border along the edge of `block`, with a title in its upper side. Returns the inside.
  @discardableResult
  package mutating func box(
    _ block: Rect, title: SafeText = .empty, style: Style = .border, titleStyle: Style = .title
  ) -> Rect {
    guard block.width >= 2, block.height >= 2 else { return block.inset(columns: 1, rows: 1) }
    let lower = block.bottom - 1
    horizontalRule(at: block.origin, width: block.width, style: style)
    horizontalRule(at: Point(x: block.x, y: lower), width: block.width, style: style)
    verticalRule(at: block.origin, height: block.height, style: style)
    verticalRule(at: Point(x: block.right - 1, y: block.y), height: block.height, style: style)
    let places = [
      block.origin, Point(x: block.right - 1, y: block.y), Point(x: block.x, y: lower),
      Point(x: block.right - 1, y: lower),
    ]
    for (place, corner) in zip(places, glyphs.corners) {
      fill(Rect(origin: place, size: Size(width: 1, height: 1)), corner, style)
    }
    if !title.isEmpty, block.width > 4 {
      let shown = title.prefix(cells: block.width - 6)
      draw(" " + shown + " ", at: block.origin.offset(x: 2), style: titleStyle)
    }
    return block.inset(columns: 1, rows: 1)
  }

  private static func clipped(_ text: SafeText, to field: Int, _ clip: Clipping) -> SafeText {
    switch clip {
    case .mark: text.prefix(cells: field - 1).padded(to: field - 1) + ">"
    case .cut: text.prefix(cells: field)
    case .refuse: SafeText(ascii: String(repeating: "#", count: field))
    }
  }

  private mutating func put(_ text: SafeText, at point: Point, _ style: Style) {
    var x = point.x
    for glyph in text.glyphs {
      put(glyph, at: Point(x: x, y: point.y), style)
      x += glyph.width
    }
  }

  private mutating func put(_ glyph: Glyph, at point: Point, _ style: Style) {
    let end = Point(x: point.x + glyph.width - 1, y: point.y)
    guard bounds.contains(point), bounds.contains(end) else { return }
    breakWideCharacters(from: point, to: end)
    let index = point.y * size.width + point.x
    cells[index] = Cell(glyph: glyph, style: style)
    if glyph.width == 2 { cells[index + 1] = Cell(glyph: nil, style: style) }
  }

  /// A wide character that loses one half becomes a blank in the other.
  private mutating func breakWideCharacters(from first: Point, to last: Point) {
    let row = first.y * size.width
    if cells[row + first.x].glyph == nil, first.x > 0 {
      cells[row + first.x - 1].glyph = .blank
    }
    if last.x + 1 < size.width, cells[row + last.x + 1].glyph == nil {
      cells[row + last.x + 1].glyph = .blank
    }
  }

  private mutating func fill(_ block: Rect, _ glyph: Glyph, _ style: Style) {
    forEachPoint(of: block) { frame, index in
      let point = Point(x: index % frame.size.width, y: index / frame.size.width)
      frame.put(glyph, at: point, style)
    }
  }

  private mutating func forEachPoint(of block: Rect, _ body: (inout Frame, Int) -> Void) {
    let columns = max(0, block.x)..<max(0, block.x, min(block.right, size.width))
    let rows = max(0, block.y)..<max(0, block.y, min(block.bottom, size.height))
    for y in rows {
      for x in columns { body(&self, y * size.width + x) }
    }
  }
}

extension Frame {
  /// The text of each row without the blanks at its end.
  package var picture: [String] {
    rows(without: " ") { cell in cell.glyph.map { $0.scalars } ?? [] }
  }

  /// The style letter of each cell (`Style.code`), without the plain ones at the end of a row.
  package var styles: [String] {
    rows(without: ".") { cell in Array(String(cell.style.code).unicodeScalars) }
  }

  private func rows(
    without trailing: Unicode.Scalar, _ content: (Cell) -> [Unicode.Scalar]
  ) -> [String] {
    (0..<size.height).map { y in
      var row = String.UnicodeScalarView()
      for x in 0..<size.width { row.append(contentsOf: content(cells[y * size.width + x])) }
      while row.last == trailing { row.removeLast() }
      return String(row)
    }
  }
}

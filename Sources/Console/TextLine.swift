import Terminal

/// Text with one look.
struct Span: Hashable {
  var text: SafeText
  var style: Style

  init(_ text: SafeText, _ style: Style = .normal) {
    self.text = text
    self.style = style
  }
}

/// One row of a pane.
struct TextLine: Hashable {
  var spans: [Span]
  /// What counts as seen once the row was painted whole.
  var mark: SeenMark?

  init(_ spans: [Span], mark: SeenMark? = nil) {
    self.spans = spans
    self.mark = mark
  }

  init(_ text: SafeText, _ style: Style = .normal) { self.init([Span(text, style)]) }

  static let blank = TextLine([])

  var width: Int { spans.reduce(0) { $0 + $1.text.width } }
}

extension TextLine {
  /// Tokens in as few rows of `width` as they need, `gap` blanks between two, later rows indented.
  ///
  /// Nothing is dropped: a token that is wider than a row is broken over several.
  static func flow(
    _ tokens: [Span], width: Int, first: Int = 1, indent: Int, gap: Int = 2
  ) -> [TextLine] {
    var lines: [TextLine] = []
    var row: [Span] = [Span(.blanks(first))]
    var used = first
    var isFresh = true
    func finish() {
      lines.append(TextLine(row))
      row = [Span(.blanks(indent))]
      used = indent
      isFresh = true
    }
    for token in tokens where !token.text.isEmpty {
      let pieces = token.text.wrapped(to: max(1, width - indent))
      for piece in pieces {
        let needed = piece.width + (isFresh ? 0 : gap)
        if used + needed > width, !isFresh { finish() }
        if !isFresh {
          row.append(Span(.blanks(gap)))
          used += gap
        }
        row.append(Span(piece, token.style))
        used += piece.width
        isFresh = false
      }
    }
    if !isFresh { finish() }
    return lines
  }

  /// One text in rows of `width`, each after `indent` blanks.
  static func paragraph(
    _ text: SafeText, _ style: Style = .normal, width: Int, indent: Int = 1
  ) -> [TextLine] {
    text.wrapped(to: max(1, width - indent)).map { row in
      TextLine([Span(.blanks(indent)), Span(row, style)])
    }
  }
}

extension Frame {
  /// Draws a line in a row of a block and says whether some of it did not fit.
  @discardableResult
  mutating func draw(_ line: TextLine, in block: Rect, row: Int) -> Bool {
    guard row >= 0, row < block.height else { return line.width > 0 }
    var x = 0
    for span in line.spans {
      let room = block.width - x
      guard room > 0 else { return span.text.width > 0 }
      draw(
        span.text, at: block.row(row).offset(x: x), style: span.style,
        width: min(room, span.text.width))
      x += span.text.width
    }
    return x > block.width
  }

  /// A pane's title over its upper edge: a rule with words in it.
  mutating func title(_ words: SafeText, in block: Rect, isFocused: Bool = false) {
    guard block.height > 0 else { return }
    horizontalRule(at: block.origin, width: block.width)
    let room = block.width - 4
    guard room > 2 else { return }
    draw(
      " " + words.prefix(cells: room - 2) + " ", at: block.origin.offset(x: 1),
      style: isFocused ? Style.title.underlined : .title)
  }
}

/// Where text stands in a field that is wider than it.
package enum Alignment: Sendable {
  case left, right, centre
}

extension SafeText {
  /// The longest beginning that fits into `cells`; a wide character is never cut in half.
  ///
  /// `replacements` stays that of the whole text.
  package func prefix(cells: Int) -> SafeText {
    guard width > cells else { return self }
    var used = 0
    let kept = glyphs.prefix { glyph in
      used += glyph.width
      return used <= cells
    }
    return SafeText(kept, replacements: replacements)
  }

  /// The text filled with blanks to `cells`; returned as it is when it is wider.
  package func padded(to cells: Int, align: Alignment = .left) -> SafeText {
    let missing = max(0, cells - width)
    switch align {
    case .left: return self + .blanks(missing)
    case .right: return .blanks(missing) + self
    case .centre: return .blanks(missing / 2) + self + .blanks(missing - missing / 2)
    }
  }

  /// The text in rows of at most `cells`, broken after blanks where a row has one, else anywhere.
  ///
  /// Nothing is dropped: the rows joined are the text, except for a wide character when `cells`
  /// is 1, which becomes `?`. No rows when `cells` is not positive. The first row carries
  /// `replacements`.
  package func wrapped(to cells: Int) -> [SafeText] {
    guard cells > 0 else { return [] }
    if width <= cells { return [self] }
    var rest = glyphs[...].map { $0.width > cells ? Glyph("?") : $0 }[...]
    var rows: [SafeText] = []
    repeat {
      let taken = SafeText.firstRow(of: rest, cells: cells)
      rows.append(SafeText(rest.prefix(taken), replacements: rows.isEmpty ? replacements : 0))
      rest = rest.dropFirst(taken)
    } while !rest.isEmpty
    return rows
  }

  /// The lines of a multi-line text, split at LF before sanitising; a CR before the LF is dropped.
  ///
  /// At most `limit` lines: what follows stands in the last one, with its line feeds escaped.
  package static func lines(untrusted string: String, limit: Int) -> [SafeText] {
    let parts = string.unicodeScalars.split(
      separator: "\n", maxSplits: max(0, limit - 1), omittingEmptySubsequences: false)
    return parts.enumerated().map { index, part in
      let isLast = index == parts.count - 1
      let line = !isLast && part.last == "\r" ? part.dropLast() : part
      return SafeText(untrusted: String(String.UnicodeScalarView(line)))
    }
  }

  private static func firstRow(of glyphs: ArraySlice<Glyph>, cells: Int) -> Int {
    var used = 0
    var count = 0
    var afterBlank = 0
    for glyph in glyphs {
      guard used + glyph.width <= cells else { return afterBlank > 0 ? afterBlank : count }
      used += glyph.width
      count += 1
      if glyph.base == " " { afterBlank = count }
    }
    return count
  }
}

extension Sequence<SafeText> {
  /// The texts in a row with `separator` between them.
  package func joined(separator: SafeText = .empty) -> SafeText {
    var result = SafeText.empty
    var isFirst = true
    for text in self {
      if !isFirst { result += separator }
      result += text
      isFirst = false
    }
    return result
  }
}

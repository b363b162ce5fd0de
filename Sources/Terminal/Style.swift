/// What a cell means. A `Palette` turns the meaning into colours.
///
/// Colour is never the only sign: whoever draws `.high` also draws the word.
package enum Tone: UInt8, CaseIterable, Sendable {
  case normal, dim, bold
  /// Severities and outcomes.
  case blocked, high, warn, note, ok, unchecked
  /// Sides of an order.
  case buy, sell
  /// Furniture.
  case accent, title, banner, selected, key, border

  /// The letter that stands for the tone in `Frame.styles`.
  package var code: Character {
    switch self {
    case .normal: "."
    case .dim: "d"
    case .bold: "b"
    case .blocked: "x"
    case .high: "h"
    case .warn: "w"
    case .note: "n"
    case .ok: "o"
    case .unchecked: "u"
    case .buy: "y"
    case .sell: "s"
    case .accent: "a"
    case .title: "t"
    case .banner: "r"
    case .selected: "c"
    case .key: "k"
    case .border: "f"
    }
  }
}

/// How a cell looks: a meaning, and flags that any tone may carry.
package struct Style: Hashable, Sendable {
  package var tone: Tone
  package var isReverse: Bool
  package var isUnderlined: Bool

  package init(_ tone: Tone, reverse: Bool = false, underline: Bool = false) {
    self.tone = tone
    self.isReverse = reverse
    self.isUnderlined = underline
  }

  package static let normal = Style(.normal)
  package static let dim = Style(.dim)
  package static let bold = Style(.bold)
  package static let blocked = Style(.blocked)
  package static let high = Style(.high)
  package static let warn = Style(.warn)
  package static let note = Style(.note)
  package static let ok = Style(.ok)
  package static let unchecked = Style(.unchecked)
  package static let buy = Style(.buy)
  package static let sell = Style(.sell)
  package static let accent = Style(.accent)
  package static let title = Style(.title)
  package static let banner = Style(.banner)
  package static let selected = Style(.selected)
  package static let key = Style(.key)
  package static let border = Style(.border)

  /// The same style with foreground and background exchanged.
  package var reversed: Style { Style(tone, reverse: !isReverse, underline: isUnderlined) }
  package var underlined: Style { Style(tone, reverse: isReverse, underline: true) }

  /// The letter in `Frame.styles`: the tone's, upper case when reversed. Without a tone of its own
  /// `.` is plain, `R` reversed and `_` underlined.
  package var code: Character {
    guard tone == .normal else {
      return isReverse ? Character(tone.code.uppercased()) : tone.code
    }
    if isReverse { return "R" }
    return isUnderlined ? "_" : "."
  }
}

/// How many colours the terminal has.
package enum ColourDepth: Int, Sendable, CaseIterable, Comparable {
  /// None wanted or none there: bold, dim, underline and reverse only.
  case mono
  /// The eight ANSI colours, or sixteen.
  case sixteen
  /// The xterm table of 256.
  case indexed

  package static func < (a: ColourDepth, b: ColourDepth) -> Bool { a.rawValue < b.rawValue }
}

/// Which colours stand for what. The words are the same in each: colour is never the only sign.
package enum Theme: String, Sendable, CaseIterable {
  case standard
  /// For eyes that do not tell red from green: severities go from white over yellow to orange and
  /// blue marks sides; nothing rests on red or green.
  case colourBlind = "colour-blind"
  /// Darker colours, for a light background.
  case light
}

/// What the terminal is told for one tone.
package struct Appearance: Hashable, Sendable {
  /// An index into the terminal's colours; nil is the terminal's default.
  package var foreground: Int?
  package var background: Int?
  package var isBold = false
  package var isDim = false
  package var isReverse = false
  package var isUnderlined = false
}

/// The look of every tone at one colour depth.
///
/// Red and amber stand for severities alone; sides of an order are blue and orange, so that red and
/// green never carry a meaning between them.
package struct Palette: Sendable {
  package let depth: ColourDepth
  package let theme: Theme

  package init(_ depth: ColourDepth, theme: Theme = .standard) {
    self.depth = depth
    self.theme = theme
  }

  package func appearance(of tone: Tone) -> Appearance {
    switch depth {
    case .mono: Palette.mono(tone)
    case .sixteen: Palette.coloured(tone, sixteen(tone))
    case .indexed: Palette.coloured(tone, indexed(tone))
    }
  }

  /// The appearance of a style: its tone's, with the flags applied.
  package func appearance(of style: Style) -> Appearance {
    var result = appearance(of: style.tone)
    if style.isReverse { result.isReverse.toggle() }
    if style.isUnderlined { result.isUnderlined = true }
    return result
  }

  private static func coloured(_ tone: Tone, _ colour: Int?) -> Appearance {
    var result = attributes(tone)
    result.foreground = colour
    return result
  }

  private static func attributes(_ tone: Tone) -> Appearance {
    switch tone {
    case .blocked, .banner: Appearance(isBold: true, isReverse: true)
    case .bold, .high, .unchecked, .title, .key: Appearance(isBold: true)
    case .selected: Appearance(isReverse: true)
    case .dim, .ok, .border: Appearance(isDim: true)
    case .normal, .warn, .note, .buy, .sell, .accent: Appearance()
    }
  }

  private static func mono(_ tone: Tone) -> Appearance {
    var result = attributes(tone)
    switch tone {
    case .warn, .unchecked: result.isUnderlined = true
    case .accent: result.isBold = true
    default: break
    }
    return result
  }

  private func sixteen(_ tone: Tone) -> Int? {
    if theme == .colourBlind {
      return switch tone {
      case .blocked, .high, .warn, .unchecked: 3
      case .buy, .accent, .key: 6
      default: nil
      }
    }
    return switch tone {
    case .blocked, .high: 1
    case .warn: 3
    case .unchecked: 5
    case .buy: 6
    case .accent, .key: 4
    case .sell, .normal, .dim, .bold, .note, .ok, .title, .banner, .selected, .border: nil
    }
  }

  private func indexed(_ tone: Tone) -> Int? {
    switch theme {
    case .standard: Palette.standard(tone)
    case .colourBlind: Palette.colourBlind(tone)
    case .light: Palette.light(tone)
    }
  }

  /// Blue and orange, which are told apart by every common kind of colour-blindness.
  private static func colourBlind(_ tone: Tone) -> Int? {
    switch tone {
    case .blocked, .high: 208
    case .warn: 221
    case .unchecked: 229
    case .buy: 39
    case .sell: 214
    case .accent, .key: 117
    case .normal, .dim, .bold, .note, .ok, .title, .banner, .selected, .border: nil
    }
  }

  private static func light(_ tone: Tone) -> Int? {
    switch tone {
    case .blocked, .high: 124
    case .warn: 94
    case .unchecked: 90
    case .buy: 25
    case .sell: 130
    case .accent, .key: 24
    case .normal, .dim, .bold, .note, .ok, .title, .banner, .selected, .border: nil
    }
  }

  private static func standard(_ tone: Tone) -> Int? {
    switch tone {
    case .blocked, .high: 203
    case .warn: 220
    case .unchecked: 213
    case .buy: 75
    case .sell: 215
    case .accent, .key: 80
    case .normal, .dim, .bold, .note, .ok, .title, .banner, .selected, .border: nil
    }
  }
}

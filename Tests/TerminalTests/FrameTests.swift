import Testing

@testable import Terminal

private func frame(_ width: Int, _ height: Int = 1, _ glyphs: GlyphSet = .ascii) -> Frame {
  Frame(size: Size(width: width, height: height), glyphs: glyphs)
}

@Suite struct FrameTests {
  @Test func textClipsByCellsAndSaysSo() {
    var screen = frame(10, 5)
    let isClipped = [
      screen.draw("fits", at: .zero),
      screen.draw("does not fit", at: Point(x: 0, y: 1)),
      screen.draw("short field", at: Point(x: 0, y: 2), width: 5),
      screen.draw("short field", at: Point(x: 0, y: 3), width: 5, clip: .cut),
      screen.draw("123456", at: Point(x: 0, y: 4), width: 5, clip: .refuse),
    ]
    #expect(isClipped == [false, true, true, true, true])
    #expect(screen.picture == ["fits", "does not >", "shor>", "short", "#####"])
  }

  @Test func fieldsAlignAndTakeTheStyle() {
    var screen = frame(12, 2)
    screen.draw("12.5", at: Point(x: 1, y: 0), style: .high, width: 8, align: .right)
    screen.draw("BUY", at: Point(x: 0, y: 1), style: .buy.reversed)
    #expect(screen.picture == ["     12.5", "BUY"])
    #expect(screen.styles == [".hhhhhhhh", "YYY"])
  }

  @Test func wideCharactersNeverBreak() {
    var screen = frame(5, 3)
    let isClipped = [
      screen.draw(SafeText(untrusted: "日本語"), at: .zero),
      screen.draw(SafeText(untrusted: "日本"), at: Point(x: 0, y: 1)),
    ]
    #expect(isClipped == [true, false])
    screen.draw("x", at: Point(x: 1, y: 1))
    screen.draw(SafeText(untrusted: "日本"), at: Point(x: 0, y: 2))
    screen.draw("y", at: Point(x: 2, y: 2))
    #expect(screen.picture == ["日本>", " x本", "日y"])
  }

  @Test func marksShareTheirCell() {
    var screen = frame(4)
    screen.draw(SafeText(untrusted: "e\u{301}\u{302}x"), at: .zero)
    #expect(screen[Point(x: 0, y: 0)]?.glyph?.scalars == ["e", "\u{301}", "\u{302}"])
    #expect(screen[Point(x: 1, y: 0)]?.glyph?.base == "x")
  }

  @Test func rulesAndBoxesFollowTheGlyphSet() {
    var ascii = frame(12, 3)
    let inside = ascii.box(ascii.bounds, title: "Queue")
    #expect(ascii.picture == ["+- Queue --+", "|          |", "+----------+"])
    #expect(inside == Rect(x: 1, y: 1, width: 10, height: 1))
    #expect(ascii.styles[0] == "ffttttttt" + "fff")
    var unicode = frame(4, 3, .unicode)
    unicode.box(unicode.bounds)
    #expect(unicode.picture == ["┌──┐", "│  │", "└──┘"])
  }

  @Test func restyleKeepsText() {
    var screen = frame(5, 2)
    screen.draw("one", in: screen.bounds, row: 0)
    screen.restyle(Rect(x: 0, y: 0, width: 5, height: 1)) { _ in .selected }
    #expect(screen.picture[0] == "one")
    #expect(screen.styles == ["ccccc", ""])
  }

  @Test(arguments: [(0, 0), (1, 1), (2, 1), (1, 3), (7, 2)])
  func drawingOutsideIsIgnored(_ width: Int, _ height: Int) {
    var screen = frame(width, height)
    for x in [-9, -1, 0, 1, 8, Int(Int32.max)] {
      for y in [-9, -1, 0, 1, 8] {
        let point = Point(x: x, y: y)
        screen.draw(SafeText(untrusted: "日本 wide"), at: point, width: 4, clip: .mark)
        screen.draw("text", at: point, width: 0)
        screen.draw("text", at: point, width: -4)
        screen.box(Rect(x: x, y: y, width: 5, height: 4), title: "title")
        screen.fill(Rect(x: x, y: y, width: 300, height: 300))
        screen.verticalRule(at: point, height: 9)
        screen.horizontalRule(at: point, width: 9)
      }
    }
    #expect(screen.picture.count == height)
    #expect(screen[Point(x: width, y: 0)] == nil)
  }

  @Test func whatIsHiddenCountsAsClipped() {
    var screen = frame(4, 2)
    let isClipped = [
      screen.draw("x", at: Point(x: 4, y: 0)),
      screen.draw("x", at: Point(x: 0, y: 2)),
      screen.draw("x", in: screen.bounds, row: 2),
      screen.draw("", at: Point(x: 0, y: 2)),
    ]
    #expect(isClipped == [true, true, true, false])
  }

  @Test func aFrameHasALargestSize() {
    #expect(frame(100_000, 1).size.width == Frame.longestSide)
  }

  @Test func randomDrawingKeepsTheGridWhole() {
    var state: UInt64 = 7
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      return Int(state >> 33) % limit
    }
    let texts: [SafeText] = [
      "a", "abc", SafeText(untrusted: "日"), SafeText(untrusted: "a日b本"),
      SafeText(untrusted: "e\u{301}"),
    ]
    for _ in 0..<300 {
      var screen = frame(random(9), random(4))
      for _ in 0..<12 {
        screen.draw(
          texts[random(texts.count)], at: Point(x: random(11) - 1, y: random(5) - 1),
          width: random(2) == 0 ? nil : random(6))
      }
      for y in 0..<screen.size.height {
        let widths = (0..<screen.size.width).map {
          screen[Point(x: $0, y: y)]?.glyph.map(\.width) ?? 0
        }
        #expect(widths.reduce(0, +) == screen.size.width)
      }
    }
  }
}

@Suite struct StyleTests {
  @Test func everyToneHasALetterOfItsOwn() {
    #expect(Set(Tone.allCases.map(\.code)).count == Tone.allCases.count)
    #expect(Style.normal.reversed.code == "R")
    #expect(Style.normal.underlined.code == "_")
  }

  @Test(arguments: ColourDepth.allCases)
  func severitiesNeverLookAlike(_ depth: ColourDepth) {
    let palette = Palette(depth)
    let looks = [Tone.blocked, .high, .warn, .ok, .normal].map { palette.appearance(of: $0) }
    #expect(Set(looks).count == looks.count)
    #expect(palette.appearance(of: Tone.unchecked) != palette.appearance(of: Tone.ok))
    #expect(palette.appearance(of: Tone.buy) != palette.appearance(of: Tone.sell) || depth == .mono)
  }

  @Test func monoUsesNoColour() {
    for tone in Tone.allCases {
      let look = Palette(.mono).appearance(of: tone)
      #expect(look.foreground == nil && look.background == nil)
    }
  }

  @Test func flagsApplyToTheTone() {
    let palette = Palette(.indexed)
    #expect(palette.appearance(of: Style.warn.reversed).isReverse)
    #expect(!palette.appearance(of: Style.blocked.reversed).isReverse)
    #expect(palette.appearance(of: Style.warn.underlined).isUnderlined)
  }
}

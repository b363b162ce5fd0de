import Testing

@testable import Terminal

@Suite struct SafeTextTests {
  @Test(arguments: [
    ("plain", "plain"),
    ("AAAA\rB", "AAAA^MB"),
    ("a\r\nb", "a^M^Jb"),
    ("tab\tback\u{8}", "tab^Iback^H"),
    ("\u{1B}]0;title\u{7}", "^[]0;title^G"),
    ("nul\0del\u{7F}", "nul^@del^?"),
    ("\u{9B}31m", "M-^[31m"),
    ("\u{85}", "M-^E"),
    ("buy\u{202E}lles", "buy<U+202E>lles"),
    ("\u{61C}\u{200E}\u{2066}", "<U+061C><U+200E><U+2066>"),
    ("BTC\u{200B}USDT", "BTC<U+200B>USDT"),
    ("\u{FEFF}\u{AD}", "<U+FEFF><U+00AD>"),
    ("\u{E0041}", "<U+E0041>"),
    ("\u{E000}\u{10FFFD}", "<U+E000><U+10FFFD>"),
    ("\u{2028}\u{2029}", "<U+2028><U+2029>"),
    ("\u{378}", "<U+0378>"),
    ("👨‍👩‍👧", "👨<U+200D>👩<U+200D>👧"),
    ("👍🏽", "👍<U+1F3FD>"),
    ("🇩🇪", "<U+1F1E9><U+1F1EA>"),
    ("1\u{FE0F}\u{20E3}", "1<U+FE0F><U+20E3>"),
    ("\u{301}x", "<U+0301>x"),
    ("e\u{301}\u{302}\u{303}\u{304}", "e\u{301}\u{302}<U+0303><U+0304>"),
    ("\u{200B}\u{301}", "<U+200B><U+0301>"),
  ])
  func hostileTextComesOutVisible(_ raw: String, _ shown: String) {
    let text = SafeText(untrusted: raw)
    #expect(Array(text.string.utf8) == Array(shown.utf8))
    #expect((text.replacements > 0) == (raw != shown))
  }

  @Test(arguments: [
    ("", 0), ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("ｆ", 2), ("α±§", 3), ("😀", 2), ("\t", 2),
    ("\u{202E}", 8), ("한국", 4), ("é", 1), ("—", 1),
  ])
  func widthIsCountedInCells(_ raw: String, _ cells: Int) {
    #expect(SafeText(untrusted: raw).width == cells)
  }

  @Test func badBytesBecomeReplacementCharactersAndAreCounted() {
    let text = SafeText(untrusted: [0x61, 0xFF, 0x62, 0xC3, 0x28, 0xED, 0xA0, 0x80] as [UInt8])
    #expect(text.string.unicodeScalars.first == "a")
    #expect(text.string.unicodeScalars.filter { $0 == "\u{FFFD}" }.count == text.replacements)
    #expect(text.replacements >= 3)
    #expect(SafeText(untrusted: Array("清".utf8)).replacements == 0)
  }

  @Test func partsAddUp() {
    let sum: SafeText = "id " + SafeText(ascii: "cs_01") + " " + SafeText(-17)
    #expect(sum.string == "id cs_01 -17")
    #expect(sum.width == 12)
    let hostile = SafeText(untrusted: "\u{7}") + SafeText(untrusted: "\u{7}")
    #expect(hostile.replacements == 2)
    #expect([SafeText("a"), "b", "c"].joined(separator: ", ").string == "a, b, c")
  }

  @Test func equalityIsThatOfBytes() {
    #expect(SafeText(untrusted: "\u{212A}") != SafeText(untrusted: "K"))
    #expect(SafeText(untrusted: "e\u{301}") != SafeText(untrusted: "\u{E9}"))
    #expect(SafeText(untrusted: "K") == "K")
  }

  @Test func asciiTrapsOnAnythingElse() async {
    await #expect(processExitsWith: .failure) { _ = SafeText(ascii: "a\u{1B}[2J") }
    await #expect(processExitsWith: .failure) { _ = SafeText("a\tb") }
  }

  @Test func layoutHelpersCountCells() {
    let text = SafeText(untrusted: "日本語 abc")
    #expect(text.prefix(cells: 3).string == "日")
    #expect(text.prefix(cells: 0).isEmpty)
    #expect(text.padded(to: 12, align: .right).string == "  日本語 abc")
    #expect(SafeText("x").padded(to: 4, align: .centre).string == " x  ")
  }

  @Test(arguments: [
    ("the quick brown fox", 10, ["the quick ", "brown fox"]),
    ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
    ("日本語", 3, ["日", "本", "語"]),
    ("日", 1, ["?"]),
    ("", 5, [""]),
    ("abc", 0, []),
  ])
  func wrappingLosesNothing(_ raw: String, _ cells: Int, _ rows: [String]) {
    #expect(SafeText(untrusted: raw).wrapped(to: cells).map(\.string) == rows)
  }

  @Test func linesAreSplitBeforeTheyAreMadeSafe() {
    let lines = SafeText.lines(untrusted: "one\r\ntwo\rmore\n\nfour\nfive", limit: 4)
    #expect(lines.map(\.string) == ["one", "two^Mmore", "", "four^Jfive"])
  }
}

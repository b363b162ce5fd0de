import Testing

@testable import Terminal

/// `#expect` takes no mutating calls, so the decoder stands behind a reference.
private final class Decoder {
  private var decoder = InputDecoder()
  var patience: Int? { decoder.patience }
  func decode(_ bytes: some Sequence<UInt8>) -> [InputEvent] { decoder.decode(bytes) }
  func flush(quiet: Int) -> [InputEvent] { decoder.flush(quiet: quiet) }
}

private func decode(_ text: String) -> [InputEvent] {
  let decoder = Decoder()
  return decoder.decode(text.utf8)
}

private func characters(_ text: String) -> [InputEvent] {
  text.unicodeScalars.map { .key(.character($0)) }
}

@Suite struct InputDecoderTests {
  @Test(
    arguments: [
      ("a", .character("a")), (" ", .character(" ")), ("é", .character("é")),
      ("日", .character("日")),
      ("😀", .character("😀")),
      ("\r", .enter), ("\n", .enter), ("\t", .tab), ("\u{7F}", .backspace), ("\u{8}", .backspace),
      ("\u{3}", .control("c")), ("\u{1A}", .control("z")), ("\0", .control("@")),
      ("\u{1C}", .control("\\")),
      ("\u{1B}[A", .up), ("\u{1B}OB", .down), ("\u{1B}[C", .right), ("\u{1B}[D", .left),
      ("\u{1B}[H", .home), ("\u{1B}OF", .end), ("\u{1B}[1~", .home), ("\u{1B}[4~", .end),
      ("\u{1B}[3~", .delete), ("\u{1B}[5~", .pageUp), ("\u{1B}[6~", .pageDown),
      ("\u{1B}[Z", .backTab), ("\u{1B}OP", .function(1)), ("\u{1B}[15~", .function(5)),
      ("\u{1B}[24~", .function(12)), ("\u{1B}[[B", .function(2)), ("\u{1B}OM", .enter),
    ] as [(String, Key)])
  func keysAreKnown(_ bytes: String, _ key: Key) {
    #expect(decode(bytes) == [.key(key)])
    #expect(decode(bytes + "x") == [.key(key), .key(.character("x"))])
  }

  @Test(arguments: [
    "\u{1B}[12;40R", "\u{1B}[?62;22c", "\u{1B}[?2026;2$y", "\u{1B}[>41;354;0c", "\u{1B}[1;5A",
    "\u{1B}[<0;10;10M", "\u{1B}[M !!", "\u{1B}[27;5;121~", "\u{1B}[121u", "\u{1B}[201~",
    "\u{1B}]11;rgb:ffff/ffff/ffff\u{7}", "\u{1B}]52;c;eQ==\u{1B}\\", "\u{1B}P1+r544e\u{1B}\\",
    "\u{1B}P>|xterm(390)\u{1B}\\", "\u{1B}_Gi=31;OK\u{1B}\\", "\u{1B}^yes\u{1B}\\", "\u{1B}y",
    "\u{1B}[[Z", "\u{9B}12;1R", "\u{9D}0;y\u{1B}\\",
    "\u{1B}[" + String(repeating: "1;", count: 500) + "y",
  ])
  func strayRepliesAreOneEventAndNoKey(_ bytes: String) {
    #expect(decode(bytes + "x") == [.unknownSequence, .key(.character("x"))])
  }

  @Test func everySplitGivesTheSame() {
    let bytes = Array("a\u{1B}[A\u{1B}]0;q\u{7}日\u{1B}[200~y\u{1B}[201~\u{1B}OPz\u{1B}[I".utf8)
    let whole = Decoder()
    let expected = whole.decode(bytes)
    for cut in bytes.indices {
      let parts = Decoder()
      #expect(parts.decode(bytes[..<cut]) + parts.decode(bytes[cut...]) == expected)
    }
    #expect(
      expected == [
        .key(.character("a")), .key(.up), .unknownSequence, .key(.character("日")), .pasteBegan,
        .pasteEnded, .key(.function(1)), .key(.character("z")), .focusGained,
      ])
  }

  @Test func aPasteGivesNoKeys() {
    let pasted = "\u{1B}[200~" + String(repeating: "y\r42\u{1B}[A\u{1B}[200~", count: 100)
    #expect(decode(pasted + "\u{1B}[201~q") == [.pasteBegan, .pasteEnded] + characters("q"))
  }

  @Test func anEndlessPasteEndsInSilence() {
    let decoder = Decoder()
    #expect(decoder.decode("\u{1B}[200~y".utf8) == [.pasteBegan])
    #expect(decoder.patience == InputDecoder.pasteMilliseconds)
    #expect(decoder.flush(quiet: 999) == [])
    #expect(decoder.flush(quiet: 1_000) == [.pasteEnded])
    #expect(decoder.decode("q".utf8) == characters("q"))
    #expect(decoder.patience == nil)
  }

  @Test func escapeAloneNeedsSilence() {
    let decoder = Decoder()
    #expect(decoder.decode([0x1B]) == [])
    #expect(decoder.patience == 25)
    #expect(decoder.flush(quiet: 24) == [])
    #expect(decoder.flush(quiet: 25) == [.key(.escape)])
    #expect(decoder.decode("[A".utf8) == characters("[A"))
    #expect(decode("\u{1B}\u{1B}[A") == [.key(.escape), .key(.up)])
  }

  @Test(arguments: ["\u{1B}[12", "\u{1B}O", "\u{1B}]0;half", "\u{1B}P", "\u{1B}]0;half\u{1B}"])
  func brokenSequencesAreGivenUp(_ bytes: String) {
    let decoder = Decoder()
    #expect(decoder.decode(bytes.utf8) == [])
    #expect(decoder.flush(quiet: InputDecoder.sequenceMilliseconds) == [.unknownSequence])
    #expect(decoder.decode("q".utf8) == characters("q"))
  }

  @Test func anEscapeInsideASequenceStartsAnother() {
    #expect(decode("\u{1B}[12\u{1B}[A") == [.unknownSequence, .key(.up)])
    #expect(decode("\u{1B}]0;x\u{1B}[A") == [.unknownSequence, .key(.up)])
    #expect(decode("\u{1B}O\u{1B}OA") == [.unknownSequence, .key(.up)])
  }

  @Test func focusIsReported() {
    #expect(decode("\u{1B}[O\u{1B}[I") == [.focusLost, .focusGained])
  }

  @Test func badBytesAreNoKeys() {
    let decoder = Decoder()
    #expect(decoder.decode([0xFF, 0x61]) == [.unknownSequence, .key(.character("a"))])
    #expect(decoder.decode([0xE6, 0x97, 0x61]) == [.unknownSequence, .key(.character("a"))])
    #expect(decoder.decode([0xED, 0xA0, 0x80]) == [.unknownSequence])
    #expect(decoder.decode("\u{202E}\u{200B}".utf8) == [.unknownSequence, .unknownSequence])
  }

  @Test func randomBytesNeverTrapAndAlwaysComeToRest() {
    var state: UInt64 = 11
    let decoder = Decoder()
    for _ in 0..<200_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      _ = decoder.decode([UInt8(truncatingIfNeeded: state >> 40)])
    }
    _ = decoder.flush(quiet: 10_000)
    _ = decoder.flush(quiet: 10_000)
    #expect(decoder.patience == nil)
    #expect(decoder.decode("q".utf8) == characters("q"))
  }
}

import Testing

@testable import Terminal

/// A seeded source of scalars that leans towards the ones that make trouble.
private struct Source {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }

  mutating func scalar() -> Unicode.Scalar {
    let ranges: [ClosedRange<UInt32>] = [
      0...0x9F, 0x20...0x7E, 0x300...0x36F, 0x600...0x61F, 0x1100...0x11FF, 0x2000...0x206F,
      0x3000...0x30FF, 0xFE00...0xFEFF, 0x1F1E0...0x1F6FF, 0xE0000...0xE01FF, 0...0x10FFFF,
    ]
    let range = ranges[Int(next() % UInt64(ranges.count))]
    let value = range.lowerBound + UInt32(next() % UInt64(range.count))
    return Unicode.Scalar(value) ?? "?"
  }

  mutating func string() -> String {
    var view = String.UnicodeScalarView()
    for _ in 0..<(next() % 40) { view.append(scalar()) }
    return String(view)
  }
}

private func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
    .paragraphSeparator:
    true
  default: scalar.properties.isDefaultIgnorableCodePoint || scalar.properties.isBidiControl
  }
}

@Suite struct SafeTextProperties {
  @Test(arguments: 0..<20 as Range<UInt64>)
  func holdForRandomText(seed: UInt64) {
    var source = Source(state: seed)
    for _ in 0..<200 {
      let raw = source.string()
      let once = SafeText(untrusted: raw)
      #expect(!once.string.unicodeScalars.contains(where: isDangerous), "seed \(seed)")
      let twice = SafeText(untrusted: once.string)
      #expect(Array(twice.string.utf8) == Array(once.string.utf8), "seed \(seed)")
      #expect(twice.replacements == 0, "seed \(seed)")
      #expect(once.glyphs.reduce(0) { $0 + $1.width } == once.width, "seed \(seed)")
      if once.replacements == 0 { #expect(Array(once.string.utf8) == Array(raw.utf8)) }
    }
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func concatenationStaysSafeAndLayoutKeepsWidths(seed: UInt64) {
    var source = Source(state: seed &+ 1_000)
    for _ in 0..<100 {
      let text = SafeText(untrusted: source.string()) + SafeText(untrusted: source.string())
      #expect(SafeText(untrusted: text.string).replacements == 0)
      let cells = Int(source.next() % 30) + 2
      #expect(text.prefix(cells: cells).width <= cells)
      let rows = text.wrapped(to: cells)
      #expect(rows.allSatisfy { $0.width <= cells })
      #expect(Array(rows.joined().string.utf8) == Array(text.string.utf8))
    }
  }

  /// The standard library's own tables know nothing dangerous that ours would draw.
  @Test func everyScalarThatIsDrawnIsHarmless() {
    var drawn = 0
    for value in 0...UInt32(0x10FFFF) {
      guard let scalar = Unicode.Scalar(value), ScalarClass(scalar) != .escaped else { continue }
      drawn += 1
      if isDangerous(scalar) { Issue.record("U+\(String(value, radix: 16)) would be drawn") }
    }
    #expect(drawn > 100_000)
  }

  @Test func theWidthTableIsAscending() {
    #expect(ScalarClass.runs.first.map { $0 >> 2 } == 0)
    let starts = ScalarClass.runs.map { $0 >> 2 }
    #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 < $1 })
  }
}

import TestSupport
import Testing
import Time

@Suite("Timestamps")
struct TimestampTests {
  @Test(
    "are written in RFC 3339, UTC",
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1_672_364_262_474, "2022-12-30T01:37:42.474Z"),
      (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
      (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
    ])
  func writing(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds).rfc3339 == text)
    #expect(Timestamp(rfc3339: text) == Timestamp(milliseconds: milliseconds))
  }

  @Test("are read with offsets and any fraction")
  func offsets() {
    let moment = Timestamp(rfc3339: "2026-11-22T19:40:42Z")
    #expect(moment != nil)
    #expect(Timestamp(rfc3339: "2026-11-22T21:40:42+02:00") == moment)
    #expect(Timestamp(rfc3339: "2026-11-22T14:10:42.000-05:30") == moment)
    #expect(Timestamp(rfc3339: "2026-11-22T19:40:42.1234567Z")?.rfc3339.hasSuffix(".123Z") == true)
  }

  @Test(
    "are not read from anything else",
    arguments: [
      "", "2026-11-22", "2026-11-22 19:40:42Z", "2026-11-22T19:40:42", "2026-13-01T00:00:00Z",
      "2026-02-29T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T19:40:42.Z", "26-11-22T19:40:42Z",
      "2026-11-22T19:40:42Zx", "2026-11-22T19:40:42+2:00",
    ])
  func refused(text: String) { #expect(Timestamp(rfc3339: text) == nil) }

  @Test("survive writing and reading", arguments: [1, 2] as [UInt64])
  func roundTrip(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<10_000 {
      let moment = Timestamp(
        milliseconds: Int64.random(in: -2_000_000_000_000...4_100_000_000_000, using: &random))
      #expect(Timestamp(rfc3339: moment.rfc3339) == moment)
    }
  }
}

@Suite("Lengths of time")
struct MillisecondsTests {
  @Test(
    "are read and written in whole units",
    arguments: [("25s", 25_000), ("15m", 900_000), ("300ms", 300), ("2h", 7_200_000), ("0ms", 0)])
  func texts(text: String, count: Int64) {
    #expect(Milliseconds(parsing: text) == Milliseconds(count))
    #expect(Milliseconds(count).description == text)
  }

  @Test(
    "refuse everything else",
    arguments: ["", "s", "-1s", "1.5s", "1", "1 s", "1week", "99999999999999999d"])
  func refused(text: String) { #expect(Milliseconds(parsing: text) == nil) }

  @Test("saturate instead of wrapping")
  func saturation() {
    #expect(Timestamp(milliseconds: .max) + .seconds(1) == Timestamp(milliseconds: .max))
  }
}

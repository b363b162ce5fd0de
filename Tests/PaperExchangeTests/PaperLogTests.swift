import JSON
import Testing
import Time

@testable import PaperExchange

@Suite("The log in memory")
struct PaperLogTests {
  private let now = Timestamp(milliseconds: 0)

  @Test("keeps the last lines within its limits", arguments: [(100, 1 << 20), (1 << 20, 5_000)])
  func bounded(_ lines: Int, _ bytes: Int) {
    var log = PaperLog(lines: lines, bytes: bytes)
    for number in 0..<1000 {
      _ = log.append(["kind": "x", "number": .int(number)], at: now)
      #expect(log.lines.count <= lines)
      #expect(log.lines.reduce(0) { $0 + $1.utf8.count } <= bytes)
    }
    #expect(log.lines.last?.contains(#""n":1000"#) == true)
    #expect(log.lines.count >= 50)
  }

  @Test("one line past every limit is not kept, and is still returned")
  func hugeLine() {
    var log = PaperLog(lines: 10, bytes: 50)
    let line = log.append(["body": .string(String(repeating: "x", count: 100))], at: now)
    #expect(line.utf8.count > 100)
    #expect(log.lines.isEmpty)
  }
}

import Decimals
import JSON
import OperatorProtocol
import Terminal
import Testing
import Time

@testable import Console

/// The page of checks: what each rule asks, what it found, against which limit, and who set that.
@Suite struct ChecksTests {
  /// A batch whose gateway tells what its findings rest on.
  static let told: Sample = {
    var sample = Sample.high
    sample.findings.removeAll { $0.severity == .pass }
    sample.findings[0].evidence = .init(
      title: "no stop", version: 1, outcome: "high",
      formula: "opening order without stop: N·max(10 %, 5 sdd) in % of E", value: "1.61 %",
      limit: "1 %", setBy: "proposal",
      inputs: [
        .init(name: "quote", age: .milliseconds(240)), .init(name: "account", age: .seconds(75)),
      ])
    sample.findings[1].evidence = .init(
      title: "market impact", version: 1, outcome: "high",
      formula: "book walked up to p, orders of one side one after the other: |vwap − mid|/mid",
      value: "34 bps", limit: "30 bps", setBy: "administrator (symbol BTCUSDT)",
      inputs: [.init(name: "book", age: .milliseconds(90))])
    var passed = Sample.finding("A01", .pass, [1, 2], "Every price is a whole number of ticks.")
    passed.evidence = .init(
      title: "price step", version: 1, outcome: "pass", formula: "every price mod tick = 0",
      inputs: [.init(name: "instrument", age: .minutes(5))])
    var silent = Sample.finding("E03", .pass, [], "Nothing of this batch is concerned.")
    silent.evidence = .init(
      title: "short option", version: 1, outcome: "not_applicable", formula: "sold bare")
    sample.checks = [passed, silent]
    return sample
  }()

  static func page(width: Int, height: Int) -> Desk {
    var desk = Desk([told], width: width, height: height)
    desk.look(at: told)
    desk.press("i")
    return desk
  }

  /// Rows joined and blanks made one: what is said, wherever the lines break.
  private func words(_ desk: Desk) -> String {
    desk.text.split { $0 == " " || $0.isNewline }.joined(separator: " ")
  }

  @Test func `a finding says its formula, its numbers, the limit and who set it`() {
    let words = words(Self.page(width: 120, height: 60))
    for wanted in [
      "HIGH E02 no stop #2 no stop: 16 084 at risk",
      "formula opening order without stop: N·max(10 %, 5 sdd) in % of E value 1.61 %, "
        + "limit 1 %, set by: proposal read quote 0.3 s old, account 1:15 old",
      "value 34 bps, limit 30 bps, set by: administrator (symbol BTCUSDT) read book 0.1 s old",
    ] {
      #expect(words.contains(wanted), "\(wanted) is not in \(words)")
    }
  }

  @Test func `what passed is told too, and what does not apply`() {
    let words = words(Self.page(width: 120, height: 60))
    #expect(words.contains("ok A01 price step #1 #2 Every price is a whole number of ticks."))
    #expect(words.contains("formula every price mod tick = 0 read instrument 5:00 old"))
    #expect(words.contains("not applicable: E03 short option"))
  }

  @Test func `rules that lack an account key stand behind their one group`() {
    var sample = Sample.unchecked
    var lacking = Sample.finding("E04", .unchecked, [1], "The account is not read.", true)
    lacking.evidence = .init(
      title: "margin", version: 1, outcome: "unchecked", formula: "initial margin / balance")
    sample.checks = [lacking]
    var desk = Desk([sample], width: 120, height: 40)
    desk.look(at: sample)
    desk.press("i")
    let words = words(desk)
    #expect(words.contains("UNCHECKED KEY no account key"))
    #expect(words.contains("UNCHECKED E04 margin #1 The account is not read."))
    #expect(words.contains("formula initial margin / balance"))
  }

  @Test func `they are read anew while their page is open, and only then`() {
    var desk = Self.page(width: 120, height: 40)
    var asked: Int { desk.effects.count { $0 == .fetchDetail(Self.told.id) } }
    let atOpening = asked
    desk.wait(ConsoleModel.pageEvery.count - 1)
    #expect(asked == atOpening)
    desk.wait(1)
    #expect(asked == atOpening + 1)
    desk.press("i")
    desk.wait(ConsoleModel.pageEvery.count * 3)
    #expect(asked == atOpening + 1)
  }

  @Test
  func `a market that stands still is looked at less and less, until it moves or a key comes`() {
    var desk = Desk([Self.told], width: 120, height: 40)
    var asked: Int { desk.effects.count { $0 == .fetchPage(.exposure) } }
    var market = ExposureView.Market(symbol: "BTCUSDT")
    market.asOf = desk.now
    /// Questions within a minute, each answered by the same.
    func askedInAMinute() -> Int {
      let before = asked
      for _ in 0..<60 {
        let known = asked
        desk.wait(1_000)
        guard asked > known else { continue }
        desk.send(.exposure(ExposureView(markets: [market], account: .missing("no key"))))
      }
      return asked - before
    }
    #expect((4...8).contains(askedInAMinute()))
    #expect((3...4).contains(askedInAMinute()))
    desk.press("j")
    let atKey = asked
    desk.wait(ConsoleModel.exposureEvery.count)
    #expect(asked == atKey + 1 || asked == atKey, "a key asks for it again soon")
    market.mark = "64118.4"
    desk.send(.exposure(ExposureView(markets: [market], account: .missing("no key"))))
    let moved = asked
    desk.wait(ConsoleModel.exposureEvery.count)
    #expect(asked == moved + 1, "a market that moves is looked at at the usual pace")
    for _ in 0..<4 { desk.send(.pageFailed(.exposure, "404 no such page")) }
    let failed = asked
    desk.wait(ConsoleModel.exposureEvery.count * 2)
    #expect(asked <= failed + 1, "what cannot be read is not asked for at the usual pace either")
  }

  /// What is kept of the last drawing must never be what is drawn of something else.
  @Test func `a screen that was drawn before is drawn as by a console that has just read it`() {
    var changed = Self.told
    changed.findings = Array(changed.findings.dropFirst())
    var desk = Desk([Self.told], width: 120, height: 40)
    desk.look(at: Self.told)
    let first = desk.text
    #expect(desk.text == first)
    desk.send(.feed(.batch(changed.summary)))
    var fresh = Desk([changed], width: 120, height: 40, at: desk.now)
    fresh.look(at: changed)
    #expect(desk.text != first)
    let checked = desk.text.split(separator: "\n").filter {
      $0.contains("HIGH:") || $0.contains("to be accepted") || $0.contains("  BUY ")
    }
    #expect(checked.count > 2)
    for row in checked { #expect(fresh.text.contains(row), "\(row)") }
  }

  @Test func `the batch counts what passed`() {
    var sample = Self.told
    sample.checks = []
    var desk = Desk([], width: 120, height: 40)
    var row = sample.summary
    row.checks = CheckCounts(passed: 41, notApplicable: 22)
    desk.send(.feed(.batch(row)))
    desk.send(
      .detail(BatchDetail(summary: row, statement: sample.detail.statement, legStates: [])))
    #expect(desk.text.contains("passed 41"))
    desk.press("i")
    #expect(desk.text.contains("not applicable 22"))
  }
}

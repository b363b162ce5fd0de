import JSON
import OperatorProtocol
import Terminal
import Testing
import Time

@testable import Console

@Suite struct SizeTests {
  static let scenes = ScreenTests.scenes

  @Test(arguments: scenes.indices) func `no size crashes a screen`(scene: Int) {
    let desk = Self.scenes[scene].make(120, 40)
    for width in stride(from: 1, through: 203, by: 19) {
      for height in stride(from: 1, through: 61, by: 8) {
        let frame = desk.model.render(size: Size(width: width, height: height))
        #expect(frame.picture.count == height)
      }
    }
  }

  @Test(arguments: 0..<6) func `panes lie inside and beside each other at every size`(part: Int) {
    for width in stride(from: part + 1, through: 300, by: 6) {
      for height in 1...100 {
        let size = Size(width: width, height: height)
        let problem = Self.problem(Layout(size: size))
        if let problem { Issue.record("\(width)x\(height): \(problem)") }
      }
    }
  }

  private static func problem(_ layout: Layout) -> String? {
    let panes =
      [
        layout.header, layout.notice, layout.footer, layout.queue, layout.batch, layout.orders,
        layout.market,
      ].filter { !$0.isEmpty } + layout.dividers
    for (index, pane) in panes.enumerated() {
      let isInside =
        pane.right <= layout.size.width && pane.bottom <= layout.size.height && pane.x >= 0
        && pane.y >= 0
      if !isInside { return "pane \(index) lies outside" }
      if panes.dropFirst(index + 1).contains(where: pane.intersects) { return "panes overlap" }
    }
    guard Layout.form(of: layout.size) == .full else { return nil }
    let isThere = !layout.queue.isEmpty && !layout.batch.isEmpty && !layout.orders.isEmpty
    return isThere ? nil : "a pane is empty"
  }

  @Test func `wider never shows less`() {
    var columns: Set<QueueColumn> = []
    for width in 40...300 {
      let more = Set(QueueColumn.fitting(width).map(\.0))
      #expect(more.isSuperset(of: columns), "\(width)")
      columns = more
    }
    for height in [24, 40, 60] {
      var queue = 0
      var panes = 0
      for width in 80...300 {
        let layout = Layout(size: Size(width: width, height: height))
        let count = [layout.queue, layout.batch, layout.orders, layout.market]
          .count { !$0.isEmpty }
        #expect(count >= panes && layout.queue.width >= queue)
        (panes, queue) = (count, layout.queue.width)
      }
    }
  }

  @Test(arguments: 0..<4) func `a thousand resizes leave every screen whole`(seed: UInt64) {
    var random = Mixer(state: seed + 90)
    var desk = Desk(Sample.five + [.hostile, .call])
    desk.add(orders: Live.orders, fills: Live.fills)
    for _ in 0..<250 {
      let size = Size(
        width: Int(random.next() % 300) + 1, height: Int(random.next() % 100) + 1)
      desk.size = size
      desk.deliverQuietly(.input(.resized(size)))
      if random.next() % 3 == 0 {
        desk.model.screen =
          ScreenKind.allCases[Int(random.next() % UInt64(ScreenKind.allCases.count))]
      }
      if random.next() % 4 == 0 { desk.deliverQuietly(.input(.key("j"))) }
      let picture = desk.model.picture(size: size)
      desk.deliverQuietly(.painted(picture.painted))
      let frame = picture.frame
      #expect(frame.size == size)
      #expect(frame.picture.count == size.height)
      if random.next() % 8 == 0 { HostileTests.check(frame, "\(size)") }
    }
    #expect(desk.approvals.isEmpty)
  }

  /// Wherever the panel opens, every deciding field of every leg stood whole on the screen before.
  @Test(arguments: [80, 97, 119, 120, 159, 160, 200], [24, 41])
  func `what is armed was shown whole`(width: Int, height: Int) {
    var desk = Desk([.high], width: width, height: height)
    desk.send(.detail(Sample.high.detail))
    var shown = desk.text
    for _ in 0..<8 {
      desk.press(.pageDown)
      shown += desk.text
    }
    desk.wait(2_000)
    desk.press("a")
    #expect(desk.isArmed)
    for field in [
      "0.250 BTC", "BTCUSDT", "64120.0", "stopLoss 63400", "5.00 ETH", "3209.50",
      "reduceOnly true", "SELL", "MARKET", "mma-1042-3",
    ] {
      #expect(shown.contains(field), "\(field) at \(width)x\(height)")
    }
  }

  @Test func `one line is left under 40x10`() {
    let desk = Desk(Sample.five, width: 39, height: 9)
    #expect(desk.picture[0] == "80x24 needed - approvals off (5 pendin>")
  }

  @Test func `twenty legs and fourteen groups can be approved at 80x24`() throws {
    let legs = (10...29).map {
      #"{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.\#($0)","price":"64120"}"#
    }
    var long = Sample.high
    long.arguments = #"{"category":"linear","request":[\#(legs.joined(separator: ","))]}"#
    long.expires = seconds(900)
    long.findings = (1...14).map { Sample.finding("E\($0 + 10)", .high, [$0], "words", true) }
    var desk = Desk([long], width: 80, height: 24)
    for _ in 0..<10 { desk.press(.pageDown) }
    desk.wait(3_000)
    desk.press("a")
    desk.wait(2_000)
    desk.type("12345678901234")
    desk.type("Buy BTCUSDT 0.2947")
    let decision = try #require(desk.approvals.first)
    #expect(decision.accepted.count == 14)
  }

  /// A batch of two legs with ten groups to accept, each a sentence of three rows on a small terminal.
  private static func demanding() -> (sample: Sample, words: [String]) {
    let words = (1...10).map {
      "#1 Buy BTCUSDT and #2 Sell ETHUSDT: limit \($0) of the administrator is passed by the worth of both "
        + "orders together, which no order alone would do; the sum of \($0)00000.12345 USDT ends \($0)."
    }
    var sample = Sample.high
    sample.expires = seconds(900)
    sample.findings = words.enumerated().map { index, words in
      Sample.finding(Text("C\(index + 10)"), .high, [0, 1], words, true)
    }
    return (sample, words)
  }

  private static func open(_ sample: Sample, _ desk: inout Desk) {
    for _ in 0..<12 { desk.press(.pageDown) }
    desk.wait(2_000)
    desk.press("a")
    desk.wait(2_000)
  }

  /// What stands in the panel, without the spaces.
  private static func panel(_ desk: Desk) -> String {
    let width = min(desk.size.width, 100)
    let inside = desk.picture.map {
      $0.dropFirst((desk.size.width - width) / 2 + 1).prefix(width - 2)
    }
    return squeezed(inside.joined())
  }

  private static func squeezed(_ text: String) -> String { text.filter { !$0.isWhitespace } }

  @Test(arguments: [(80, 24), (120, 40), (200, 60)])
  func `each group stands in the panel whole before it is accepted`(
    width: Int, height: Int
  ) throws {
    let (sample, words) = Self.demanding()
    var desk = Desk([sample], width: width, height: height)
    Self.open(sample, &desk)
    let top = desk.picture.firstIndex { $0.contains("- approve -") }
    for (index, one) in words.enumerated() {
      let ordinal = "\(index + 1)[]HIGHC\(index + 10)"
      #expect(Self.panel(desk).contains(ordinal + Self.squeezed(one)))
      #expect(desk.picture.firstIndex { $0.contains("- approve -") } == top)
      desk.press(.character(Arming.digit(of: index)))
    }
    desk.type("Sell ETHUSDT 5.00 Buy BTCUSDT 0.25047")
    let decision = try #require(desk.approvals.first)
    #expect(decision.accepted.count == 10)
  }

  @Test func `keys that come before a group is on the screen accept nothing`() throws {
    let (sample, words) = Self.demanding()
    var desk = Desk([sample], width: 80, height: 24)
    Self.open(sample, &desk)
    let shown = try #require(desk.arming).groupsShown
    #expect((1..<10).contains(shown))
    for index in words.indices {
      desk.now = desk.now + Milliseconds(120)
      _ = desk.model.handle(.input(.key(.character(Arming.digit(of: index)))), at: desk.now)
    }
    #expect(try #require(desk.arming).accepted.count == shown)
    desk.paint()
    #expect(try #require(desk.arming).groupsShown > shown)
  }
}

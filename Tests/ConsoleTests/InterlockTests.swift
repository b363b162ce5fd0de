import JSON
import OperatorProtocol
import Terminal
import Testing
import Time

@testable import Console

@Suite struct InterlockTests {
  @Test func `two digits after the quiet approve a calm batch`() throws {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    #expect(desk.effects.contains(.discardInput))
    desk.wait(800)
    desk.type("47")
    let decision = try #require(desk.approvals.first)
    #expect(decision.batch == Sample.calm.id)
    #expect(decision.digest == Sample.calm.statement.digest)
    #expect(decision.revision == 1)
    #expect(decision.environment == "testnet")
    #expect(decision.operatorName == "ops1")
    #expect(decision.accepted.isEmpty)
    #expect(desk.effects.contains(.submit(decision, cooling: true)))
  }

  @Test func `keys typed ahead of the panel do nothing`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    // All in one write: the panel has been painted, and the guard swallows the rest.
    desk.press("a", "4", "7", every: 0)
    desk.press("4", "7", every: 200)
    #expect(desk.approvals.isEmpty)
    #expect(desk.isArmed)
  }

  @Test(arguments: [(699, false), (701, true)])
  func `keys open after the guard time`(milliseconds: Int64, isOpen: Bool) {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(milliseconds - 1)
    desk.press("4", every: 1)
    desk.press("7", every: 200)
    desk.wait(60)
    #expect(desk.approvals.isEmpty == !isOpen)
  }

  @Test func `a key restarts the quiet, and there is no ceiling`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    for _ in 0..<100 { desk.press("4", every: 250) }
    #expect(desk.isArmed)
    #expect(desk.approvals.isEmpty)
    desk.wait(400)
    desk.type("47")
    #expect(desk.approvals.count == 1)
  }

  @Test func `one wrong digit disarms with a bell and dead time`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(800)
    desk.type("48")
    #expect(!desk.isArmed)
    #expect(desk.approvals.isEmpty)
    #expect(desk.effects.contains(.bell))
    desk.press("a", every: 500)
    #expect(!desk.isArmed)
    desk.press("a", every: 600)
    #expect(desk.isArmed)
  }

  @Test func `a held-down key is one key and restarts the quiet`() {
    var desk = Desk([.calm])
    desk.number = 44
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(2_000)
    desk.press("4")
    for _ in 0..<20 { desk.press("4", every: 33) }
    #expect(desk.approvals.isEmpty)
    #expect(desk.isArmed)
    desk.press("4", every: 400)
    desk.wait(60)
    #expect(desk.approvals.count == 1)
  }

  @Test(arguments: [0, 1, 59] as [Int64])
  func `the code counts only when nothing follows it, as in a paste`(gap: Int64) {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(2_000)
    desk.press("4", "7", every: 0)
    desk.press("1", every: gap)
    desk.wait(1_000)
    #expect(desk.approvals.isEmpty)
    #expect(!desk.isArmed)
  }

  @Test func `what is typed on after a wrong key is no command`() {
    var desk = Desk([.high, .calm])
    desk.look(at: .high)
    desk.press("a")
    desk.wait(2_000)
    desk.type("12Sell Q")
    for key: Key in ["G", "x", "j", "3", "q"] { desk.press(key, every: 30) }
    #expect(desk.model.queue.selected == Sample.high.id)
    #expect(desk.model.prompt == .none && desk.model.screen == .dashboard)
    #expect(desk.text.contains("DISARMED"))
    desk.wait(1_500)
    desk.press("j")
    #expect(desk.model.queue.selected == Sample.calm.id)
  }

  /// The market may close a panel in the middle of a phrase: its letters are commands elsewhere.
  @Test func `what is typed on after the panel closed by itself is no command`() {
    var changed = Sample.high
    changed.findings.removeAll { $0.rule == "E02" }
    var desk = Desk([.high, .calm])
    desk.look(at: .high)
    desk.press("a")
    desk.wait(2_000)
    desk.type("12Sell ")
    desk.send(.feed(.batch(changed.summary)))
    #expect(!desk.isArmed)
    desk.effects = []
    for key: Key in ["P", "X", "x", "7", "j", "q"] { desk.press(key, every: 150) }
    #expect(desk.model.queue.selected == Sample.high.id)
    #expect(desk.model.prompt == .none && desk.model.screen == .dashboard)
    #expect(desk.effects.allSatisfy { if case .halt = $0 { false } else { true } })
    #expect(desk.text.contains("DISARMED: the findings changed"))
    desk.wait(1_500)
    desk.press("j")
    #expect(desk.model.queue.selected == Sample.calm.id)
  }

  @Test func `what is typed on after a wrong letter of a word is no command`() {
    var desk = Desk([.high, .calm])
    desk.look(at: .high)
    let freeze = StatusView.Freeze(by: "ops2", reason: "drill", since: desk.now)
    desk.send(.feed(.status(.sample(frozen: freeze))))
    desk.press("!")
    desk.type("thx")
    #expect(desk.model.prompt == .none)
    for key: Key in ["x", "7", "j", "P"] { desk.press(key, every: 100) }
    #expect(desk.model.queue.selected == Sample.high.id)
    #expect(desk.model.prompt == .none && desk.model.screen == .dashboard)
  }

  @Test func `keys faster than anybody types disarm`() {
    var desk = Desk([.high])
    desk.look(at: .high)
    desk.press("a")
    desk.wait(2_000)
    for key: Key in ["1", "2", "B", "u", "y"] { desk.press(key, every: 2) }
    #expect(!desk.isArmed)
    #expect(desk.approvals.isEmpty)
  }

  @Test func `HIGH asks for every group, the largest leg, then the digits`() throws {
    var desk = Desk([.high])
    desk.look(at: .high)
    desk.press("a")
    desk.wait(1_400)
    desk.press("1", every: 50)
    #expect(!desk.text.contains("[x]"))
    desk.wait(400)
    desk.type("12")
    // The largest leg with a price, and the largest without.
    desk.type("Sell ETHUSDT 5.00 Buy BTCUSDT 0.250")
    #expect(desk.approvals.isEmpty)
    desk.type("47")
    let decision = try #require(desk.approvals.first)
    #expect(Set(decision.accepted) == ["C06", "E02"])
  }

  @Test(arguments: ["47", "1247", "12buy", "12Sell ETHUSDT 5.00\r", "12Sell ETHUSDT 5.0047"])
  func `HIGH takes no short cut`(keys: String) {
    var desk = Desk([.high])
    desk.look(at: .high)
    desk.press("a")
    desk.wait(2_000)
    desk.type(keys)
    #expect(desk.approvals.isEmpty)
    #expect(!desk.isArmed)
  }

  @Test func `UNCHECKED must be accepted too`() throws {
    var desk = Desk([.unchecked])
    desk.look(at: .unchecked)
    desk.press("a")
    desk.wait(2_000)
    desk.type("1Sell BTCUSD 1200047")
    #expect(try #require(desk.approvals.first).accepted == ["KEY"])
  }

  @Test func `a reducing batch needs the two digits alone and is not held`() throws {
    var desk = Desk([.reducing])
    desk.look(at: .reducing)
    desk.press("a")
    desk.wait(2_000)
    desk.type("47")
    let decision = try #require(desk.approvals.first)
    #expect(desk.effects.contains(.submit(decision, cooling: false)))
  }

  @Test func `a call that is no order batch is HIGH and is named`() throws {
    var desk = Desk([.call])
    desk.look(at: .call)
    #expect(desk.text.contains(#""buyLeverage": "50""#))
    desk.press("a")
    desk.wait(2_000)
    desk.type("setLeverage47")
    #expect(desk.approvals.count == 1)
  }

  @Test func `BLOCK cannot be armed`() {
    var desk = Desk([.blocked])
    desk.look(at: .blocked)
    desk.press("a")
    #expect(!desk.isArmed)
    #expect(desk.text.contains("BLOCK A04 cannot be approved"))
  }

  @Test(arguments: [Key.enter, .character("A"), .character("y"), .character("Y"), .tab])
  func `no other key opens the panel or approves`(key: Key) {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press(key, key, key)
    #expect(!desk.isArmed)
    #expect(desk.decisions.isEmpty)
  }

  @Test func `what was not on the screen is named`() {
    let legs = (1...20).map {
      #"{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.\#($0)","price":"6412\#($0 % 10)"}"#
    }
    var long = Sample.calm
    long.arguments = #"{"category":"linear","request":[\#(legs.joined(separator: ","))]}"#
    var desk = Desk([long], width: 80, height: 24)
    desk.wait(5_000)
    desk.press("a")
    #expect(!desk.isArmed)
    #expect(desk.text.contains("not seen yet: leg"))
    for _ in 0..<8 { desk.press(.character(" ")) }
    desk.press("a")
    #expect(desk.isArmed)
  }

  @Test func `a glance is not enough`() {
    var desk = Desk([.calm])
    desk.press("a", every: 100)
    #expect(!desk.isArmed)
    desk.wait(1_000)
    desk.press("a")
    #expect(desk.isArmed)
  }

  @Test func `an altered statement cannot be armed`() {
    var desk = Desk([.calm])
    var detail = Sample.calm.detail
    detail.statement = detail.statement.replacing("1.50", with: "9.50")
    desk.send(.detail(detail))
    desk.wait(5_000)
    desk.press("a")
    #expect(!desk.isArmed)
    #expect(desk.text.contains("DIGEST MISMATCH"))
  }

  // MARK: Changes

  static let changes: [(String, @Sendable (inout Desk) -> Void)] = [
    ("pasted", { $0.send(.input(.pasteBegan)) }),
    ("lost the focus", { $0.send(.input(.focusLost)) }),
    ("resized", { $0.send(.input(.resized(Size(width: 100, height: 30)))) }),
    ("suspended", { $0.press(.control("z")) }),
    ("suspended", { $0.send(.input(.resumed)) }),
    ("no key", { $0.send(.input(.unknownSequence)) }),
    ("connection", { $0.send(.linkDown("reset by peer")) }),
    ("stale", { $0.send(.feed(.status(.sample(feed: .stale(since: noon))))) }),
    (
      "frozen",
      {
        $0.send(
          .feed(.status(.sample(frozen: .init(by: "ops2", reason: "news", since: noon)))))
      }
    ),
    ("events were lost", { $0.send(.feed(.reset)) }),
    (
      "revision",
      {
        var next = Sample.calm
        next.revision = 2
        $0.send(.feed(.batch(next.summary)))
      }
    ),
    (
      "severity",
      {
        var next = Sample.calm.summary
        next.severity = .high
        $0.send(.feed(.batch(next)))
      }
    ),
    (
      "withdrawn",
      {
        var next = Sample.calm.summary
        next.state = .withdrawn
        $0.send(.feed(.batch(next)))
      }
    ),
    (
      "agent is gone",
      {
        var next = Sample.calm.summary
        next.isAgentGone = true
        $0.send(.feed(.batch(next)))
      }
    ),
    ("severity", { $0.send(.feed(.status(.sample(verified: false)))) }),
    ("expires", { $0.wait(597_000) }),
  ]

  @Test(arguments: changes.indices)
  func `a change disarms and says why`(index: Int) {
    let (word, change) = Self.changes[index]
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(1_000)
    desk.type("4")
    #expect(desk.isArmed)
    change(&desk)
    #expect(!desk.isArmed)
    #expect(desk.text.contains("DISARMED"), "\(word)")
    #expect(desk.text.contains(word))
    desk.type("7")
    #expect(desk.approvals.isEmpty)
  }

  @Test func `a finding that warns disarms, whatever is found already`() {
    var desk = Desk([.high])
    desk.look(at: .high)
    desk.press("a")
    #expect(desk.isArmed)
    var next = Sample.high.summary
    next.findings.append(Sample.finding("F01", .warn))
    desk.send(.feed(.batch(next)))
    #expect(!desk.isArmed)
    #expect(desk.text.contains("the findings changed"))
  }

  @Test func `a note may come and go while armed`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    var next = Sample.calm.summary
    next.severity = .note
    next.findings.append(Sample.finding("B05", .note))
    desk.send(.feed(.batch(next)))
    #expect(desk.isArmed)
    desk.send(.feed(.batch(Sample.calm.summary)))
    #expect(desk.isArmed)
  }

  @Test func `price text of a finding may change while armed`() {
    var desk = Desk([.high])
    desk.look(at: .high)
    desk.press("a")
    var next = Sample.high.summary
    next.findings[1].words = "walks 62% of book-50"
    desk.send(.feed(.batch(next)))
    #expect(desk.isArmed)
  }

  // MARK: What always works

  @Test func `reject works at once, also inside the panel`() throws {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a", "x", every: 5)
    desk.type("too big")
    desk.press(.enter)
    let decision = try #require(desk.decisions.first)
    #expect(decision.verb == .reject)
    #expect(decision.note == "too big")
  }

  @Test func `Esc leaves the panel and the reason line`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a", .escape)
    #expect(!desk.isArmed)
    desk.press("x", .escape)
    #expect(desk.model.prompt == .none)
    #expect(desk.decisions.isEmpty)
  }

  @Test func `halt is sent at once and thaw is asked for`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a", "!")
    #expect(!desk.isArmed)
    #expect(
      desk.effects.contains(.halt(freezes: true, agent: nil, reason: "halted from the console")))
    desk.send(.feed(.status(.sample(frozen: .init(by: "ops1", reason: "x", since: noon)))))
    desk.press("!")
    desk.type("thaw")
    desk.press(.enter)
    #expect(
      desk.effects.contains(.halt(freezes: false, agent: nil, reason: "thawed from the console")))
  }

  @Test func `u recalls while held`() throws {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(800)
    desk.type("47")
    var held = Sample.calm.summary
    held.state = .cooling
    held.coolingUntil = desk.now + .seconds(3)
    desk.send(.answered(Sample.calm.id, .approve, .done(held)))
    #expect(desk.text.contains("u recalls"))
    desk.press("u")
    #expect(desk.decisions.last?.verb == .recall)
  }

  @Test func `a recall is not promised any longer than it is possible`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    var held = Sample.calm.summary
    held.state = .cooling
    held.coolingUntil = desk.now + .seconds(3)
    desk.send(.answered(Sample.calm.id, .approve, .done(held)))
    desk.wait(2_900)
    #expect(desk.text.contains("signed and held"))
    desk.wait(200)
    #expect(!desk.text.contains("signed and held"))
  }

  @Test func `a viewer decides nothing`() {
    var desk = Desk([.calm])
    desk.send(.signedIn(operatorName: "eve", role: .viewer))
    desk.look(at: .calm)
    desk.press("a", "x", "!")
    #expect(!desk.isArmed)
    #expect(desk.decisions.isEmpty)
    #expect(!desk.effects.contains { if case .halt = $0 { true } else { false } })
  }

  @Test func `a small terminal approves nothing and still rejects`() throws {
    var desk = Desk([.calm], width: 60, height: 20)
    desk.wait(2_000)
    desk.press("a")
    #expect(!desk.isArmed)
    desk.press("x", .enter)
    #expect(desk.decisions.first?.verb == .reject)
  }

  // MARK: Storms

  @Test(arguments: 0..<6) func `random keys never approve`(seed: UInt64) {
    var random = Mixer(state: seed)
    var desk = Desk([.calm, .high], width: 80, height: 24)
    desk.wait(2_000)
    let keys: [Key] =
      "aaaa0123456789xukjBuySell \u{7F}".unicodeScalars.map { .character($0) }
      + [.enter, .tab, .pageDown, .escape]
    for _ in 0..<400 {
      desk.number = Int(random.next() % 100)
      desk.press(keys[Int(random.next() % UInt64(keys.count))], every: Int64(random.next() % 280))
    }
    #expect(desk.approvals.isEmpty)
  }
}

/// SplitMix64: the same storm for the same seed.
struct Mixer: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

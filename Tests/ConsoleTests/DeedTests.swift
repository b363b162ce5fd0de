import Cryptography
import Decimals
import JSON
import OperatorProtocol
import Terminal
import Testing
import Time

@testable import Console

/// Pause, cancel, marks, filters and commands.
@Suite struct DeedTests {
  static func paused(_ agent: Text = "grid-b") -> StatusView {
    var status = StatusView.sample()
    status.paused = [
      .init(agent: agent, halt: .init(by: "ops2", reason: "it loops", since: noon))
    ]
    return status
  }

  @Test func `P pauses the selected batch's agent at once`() {
    var desk = Desk([.calm])
    desk.press("P")
    #expect(
      desk.effects.contains(
        .halt(freezes: true, agent: "grid-b", reason: "paused from the console")))
    desk.send(.haltAnswered(.done(Self.paused())))
    #expect(desk.text.contains("grid-b is paused"))
    #expect(desk.text.contains("PAUSED grid-b"))
  }

  @Test func `what a paused agent proposed is not armed, and an open panel closes`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(1_000)
    desk.send(.feed(.status(Self.paused())))
    #expect(!desk.isArmed)
    #expect(desk.text.contains("grid-b is paused by ops2"))
    desk.wait(1_000)
    desk.press("a")
    #expect(!desk.isArmed)
  }

  @Test func `another agent's pause leaves the panel open`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a")
    desk.wait(1_000)
    desk.send(.feed(.status(Self.paused("arb-x"))))
    #expect(desk.isArmed)
  }

  @Test func `resuming asks for the word`() {
    var desk = Desk([.calm])
    desk.send(.feed(.status(Self.paused())))
    desk.press("P")
    desk.type("resumx")
    #expect(desk.model.prompt == .none)
    // What is typed on at once is no command.
    desk.wait(ConsoleModel.deadAfterWrong.count)
    desk.press("P")
    desk.type("resume")
    #expect(!desk.effects.contains { if case .halt(false, _, _) = $0 { true } else { false } })
    desk.press(.enter)
    #expect(
      desk.effects.contains(
        .halt(freezes: false, agent: "grid-b", reason: "resumed from the console")))
  }

  @Test func `P works inside the panel, and X rejects and pauses`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("a", "P")
    #expect(!desk.isArmed)
    #expect(desk.effects.contains { if case .halt(true, "grid-b", _) = $0 { true } else { false } })
    desk.effects = []
    desk.press("X")
    desk.type("spam")
    desk.press(.enter)
    #expect(desk.decisions.map(\.verb) == [.reject])
    // The pause comes first: the agent's answer to the rejection is turned away.
    let halt = desk.effects.firstIndex { if case .halt = $0 { true } else { false } }
    let rejection = desk.effects.firstIndex { if case .submit = $0 { true } else { false } }
    #expect((halt ?? .max) < (rejection ?? -1))
  }

  @Test func `cancelling all takes a typed word, frozen or not`() {
    var desk = Desk([.calm])
    desk.type(":cancel-all")
    desk.press(.enter)
    desk.type("cancel")
    #expect(!desk.effects.contains(.cancelAll(reason: "cancelled from the console")))
    desk.press(.enter)
    #expect(desk.effects.contains(.cancelAll(reason: "cancelled from the console")))
    desk.effects = []
    desk.send(.feed(.status(.sample(frozen: .init(by: "ops1", reason: "x", since: noon)))))
    desk.press("!")
    desk.type("cancel")
    desk.press(.enter)
    #expect(desk.effects.contains(.cancelAll(reason: "cancelled from the console")))
    desk.send(
      .cancelAnswered(
        .done(
          CancelReport([
            .init(upstream: "bybit", scope: "linear USDT", isTaken: false, words: "time-out")
          ]))))
    #expect(desk.text.contains("NOT CANCELLED: bybit linear USDT: time-out"))
  }

  // MARK: Marked sets

  /// Harmless batches of one agent.
  static func small(_ number: UInt8) -> Sample {
    var one = Sample.calm
    one.number = 40 + number
    one.received = seconds(Int64(number))
    one.arguments = one.arguments.replacing("grid-", with: "grid-\(number)-")
    return one
  }

  static func marked(_ count: UInt8, width: Int = 120, height: Int = 40) -> Desk {
    let samples = (1...count).map(small)
    var desk = Desk(samples, width: width, height: height)
    for sample in samples {
      desk.look(at: sample)
      desk.press("m")
    }
    return desk
  }

  @Test func `one code approves the marked batches`() {
    var desk = Self.marked(3)
    #expect(desk.text.contains("marked 3"))
    desk.press("a")
    #expect(desk.text.contains("3 batches of grid-b, one code"))
    #expect(desk.text.contains("together: gross 29 065.5 USDT"))
    desk.wait(1_000)
    desk.type("47")
    #expect(Set(desk.approvals.map(\.batch)) == Set((1...3).map { Self.small($0).id }))
    #expect(Set(desk.approvals.map(\.digest)).count == 3)
  }

  @Test func `ten at most, and all of the panel is on the smallest screen`() {
    var desk = Self.marked(10, width: 80, height: 24)
    desk.press("a")
    desk.wait(1_000)
    #expect(desk.isArmed)
    desk.press(.escape)
    let eleventh = Self.small(11)
    desk.add(eleventh)
    desk.look(at: eleventh)
    desk.press("m")
    #expect(desk.model.marked.count == 10)
    // What is not marked is not approved beside marks.
    desk.press("a")
    #expect(!desk.isArmed)
    #expect(desk.text.contains("not one of the 10 marked"))
  }

  @Test func `what is worse than NOTE, or of another agent, is not marked`() {
    var desk = Desk([.high, Self.small(1), .calm])
    desk.look(at: .high)
    desk.press("m")
    #expect(desk.model.marked.isEmpty)
    desk.look(at: Self.small(1))
    desk.press("m")
    var other = Self.small(2)
    other.agent = "arb-x"
    desk.add(other)
    desk.look(at: other)
    desk.press("m")
    #expect(desk.model.marked == [Self.small(1).id])
  }

  @Test func `a change of any member closes the panel`() {
    for member in [UInt8(1), 2, 3] {
      var desk = Self.marked(3)
      desk.press("a")
      desk.wait(1_000)
      var next = Self.small(member)
      next.revision = 2
      desk.send(.feed(.batch(next.summary)))
      #expect(!desk.isArmed)
      desk.type("47")
      #expect(desk.approvals.isEmpty)
    }
  }

  @Test func `a member that was not looked at keeps the set shut`() {
    var desk = Desk([Self.small(1), Self.small(2)])
    desk.look(at: Self.small(1))
    desk.press("m", "j", "m", "a")
    #expect(desk.model.marked.count == 2)
    #expect(!desk.isArmed)
  }

  @Test func `marks go with what hides or worsens a batch`() {
    var desk = Self.marked(3)
    var worse = Self.small(2).summary
    worse.severity = .high
    desk.send(.feed(.batch(worse)))
    #expect(desk.model.marked.count == 2)
    desk.press("/")
    desk.type("sym:DOGE")
    desk.press(.enter)
    #expect(desk.model.marked.count <= 1)
  }

  // MARK: Filters and commands

  @Test func `a filter shows what matches and the selected one, and counts`() {
    var desk = Desk(Sample.five)
    desk.press("/")
    desk.type("agent:grid sev>=block")
    desk.press(.enter)
    #expect(desk.text.contains("filter /agent:grid sev>=block: shown"))
    #expect(desk.model.queue.shown.contains(Sample.blocked.id))
    #expect(!desk.model.queue.shown.contains(Sample.unchecked.id))
    desk.press("q")
    #expect(desk.model.queue.filter == nil)
    #expect(desk.model.prompt == .none)
  }

  @Test func `a filter that cannot be read is refused in words`() {
    var desk = Desk(Sample.five)
    desk.press("/")
    desk.type("sev>=red")
    desk.press(.enter)
    #expect(desk.text.contains("sev>= takes pass"))
    #expect(desk.model.queue.filter == nil)
  }

  @Test func `a command does what its key does, and no command approves`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.type(":approve")
    desk.press(.enter)
    #expect(desk.isArmed)
    #expect(desk.approvals.isEmpty)
    desk.press(.escape)
    desk.type(":fly")
    desk.press(.enter)
    #expect(desk.text.contains(":fly is not known"))
  }

  @Test func `Tab completes, and what is typed comes back with the arrow`() {
    var desk = Desk(Sample.five)
    desk.type(":exp")
    desk.press(.tab, .enter)
    #expect(desk.model.screen == .exposure)
    desk.type(":pause gri")
    desk.press(.tab, .enter)
    #expect(desk.effects.contains { if case .halt(true, "grid-b", _) = $0 { true } else { false } })
    desk.press(":", .up, .up)
    #expect(desk.text.contains(":exposure"))
  }

  @Test func `select moves to the batch whose id ends so`() {
    var desk = Desk(Sample.five)
    desk.type(":select \(ConsoleModel.tail(Sample.calm.id).lowercased())")
    desk.press(.enter)
    #expect(desk.model.queue.selected == Sample.calm.id)
  }

  @Test func `the audit filter counts and moves among what matches`() {
    var desk = Desk([.calm])
    desk.press("4")
    desk.send(.ledgerPage(entries: Live.entries, size: 3))
    desk.press("/")
    desk.type("mm-alpha")
    desk.press(.enter)
    #expect(desk.text.contains("filter /mm-alpha: 1 of 3 read"))
    #expect(desk.model.ledger.current == 1)
  }

  @Test func `copies go to the clipboard as they are`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    desk.press("y", "Y")
    #expect(desk.effects.contains(.copy(Sample.calm.id.text.string)))
    #expect(
      desk.effects.contains(.copy(JSONWriter.canonicalText(of: Sample.calm.statement.json))))
  }

  // MARK: What the batch says

  @Test func `who may still sign is shown, and who may not cannot arm`() {
    var desk = Desk([.calm])
    desk.look(at: .calm)
    var row = Sample.calm.summary
    row.roles = ["admin"]
    row.quorum = 1
    desk.send(.feed(.batch(row)))
    #expect(desk.text.contains("may sign: admin"))
    desk.press("a")
    #expect(!desk.isArmed)
    #expect(desk.text.contains("signatures of admin only"))
  }

  @Test func `what differs from the rejected batch is shown`() {
    var second = Sample.high
    second.number = 60
    second.arguments = second.arguments.replacing(
      "\"0.250\",\"price\"", with: "\"0.300\",\"price\""
    )
    .replacing("mma-1042", with: "mma-1043")
    var summary = second.summary
    summary.supersedes = Sample.high.id
    var desk = Desk([], width: 120, height: 60)
    desk.send(.feed(.batch(summary)))
    var detail = second.detail
    detail.summary = summary
    desk.send(.detail(detail))
    #expect(desk.effects.contains(.fetchDetail(Sample.high.id)))
    var older = Sample.high.detail
    older.summary.state = .rejected
    desk.send(.detail(older))
    #expect(desk.text.contains("changed #1  qty 0.250 -> 0.300"))
    #expect(!desk.text.contains("orderLinkId mma-1042"))
    desk.press("d")
    #expect(desk.text.contains("it follows"))
  }

  @Test func `the bytes are shown with their digest`() {
    var desk = Desk([.calm], width: 100, height: 40)
    desk.look(at: .calm)
    desk.press("o")
    #expect(desk.text.contains("sha256 \(Sample.calm.statement.digest.hex)"))
    #expect(desk.text.contains("computed here from the bytes below: the same"))
    desk.press("o")
    #expect(desk.model.screen == .dashboard)
  }

  @Test func `a call that is no batch shows its tool in the list`() {
    let desk = Desk([.call], width: 80, height: 24)
    let row = desk.picture.first { $0.hasPrefix("> ") }
    #expect(row?.contains("call setLever") == true)
    #expect(row?.contains("sym") == false)
  }

  @Test(arguments: [(80, 24), (120, 40), (200, 60)])
  func `rows that are hidden are counted`(width: Int, height: Int) {
    let many = (1...60).map { Self.small(UInt8($0)) }
    var desk = Desk(many, width: width, height: height)
    #expect(desk.text.contains(" below "))
    desk.press("G")
    #expect(desk.text.contains(" above "))
  }
}

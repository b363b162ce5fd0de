import JSON
import OperatorProtocol
import Terminal
import TestSupport
import Testing
import Time

@testable import Console

/// The console in lines: same model, same interlocks.
@Suite struct PlainTests {
  /// A session before which somebody sits, and what it printed.
  struct Line {
    var session: PlainSession
    var now = noon
    var lines: [String] = []
    var effects: [ConsoleEffect] = []
    var details: [BatchID: BatchDetail] = [:]

    init(_ samples: [Sample], canApprove: Bool = true, isConnected: Bool = true) {
      session = PlainSession(at: noon, canApprove: canApprove)
      for sample in samples { details[sample.id] = sample.detail }
      guard isConnected else { return }
      connect()
      for sample in samples { send(.feed(.batch(sample.summary))) }
      read(samples)
    }

    mutating func connect() {
      send(.signedIn(operatorName: "ops1", role: .approver))
      send(.linkUp)
      send(.feed(.status(.sample())))
    }

    /// What is read after each connection.
    mutating func read(_ samples: [Sample]) {
      send(.queue(samples.map(\.summary)))
      send(.orders([], []))
    }

    mutating func send(_ event: ConsoleEvent) { take(session.handle(event, at: now)) }

    mutating func type(_ line: String) { take(session.take(line: line, at: now)) }

    mutating func endInput() { take(session.inputEnded(at: now)) }

    mutating func wait(_ milliseconds: Int64) {
      now = now + Milliseconds(milliseconds)
      send(.tick)
    }

    private mutating func take(_ outputs: [PlainSession.Output]) {
      for output in outputs {
        switch output {
        case .line(let line): lines.append(line)
        case .effect(let effect): perform(effect)
        }
      }
    }

    private mutating func perform(_ effect: ConsoleEffect) {
      effects.append(effect)
      switch effect {
      case .drawDigits(let serial): send(.digits(serial: serial, number: 47))
      case .fetchDetail(let id): if let detail = details[id] { send(.detail(detail)) }
      default: break
      }
    }

    var text: String { lines.joined(separator: "\n") }
    var decisions: [Decision] {
      effects.compactMap { if case .submit(let decision, _) = $0 { decision } else { nil } }
    }

    /// The whole way: looks at it, waits, opens the panel, waits, answers.
    mutating func approve(_ id: BatchID, _ answers: String...) {
      type("show \(id)")
      wait(2_000)
      type("approve \(id)")
      wait(4_000)
      for answer in answers {
        type(answer)
        wait(4_000)
      }
    }
  }

  @Test func `a batch is announced, shown whole, and approved by its code`() {
    var line = Line([.calm])
    #expect(line.text.contains("1: pending, NOTE, grid-b, 2 legs ETHUSDT, gross 9 688.5 USDT"))
    line.approve(Sample.calm.id, "47")
    #expect(line.text.contains("3207.10"))
    #expect(line.text.contains("type the two digits: 47"))
    #expect(line.decisions.map(\.verb) == [.approve])
    #expect(line.decisions.first?.digest == Sample.calm.statement.digest)
  }

  @Test func `what was typed ahead counts for nothing`() {
    var line = Line([.calm])
    line.type("show 1")
    line.wait(2_000)
    line.type("approve 1")
    line.type("47")
    line.wait(100)
    line.type("47")
    line.wait(400)
    #expect(line.text.contains("Too early"))
    #expect(line.decisions.isEmpty)
    line.wait(1_000)
    line.type("47")
    line.wait(1_000)
    #expect(line.decisions.count == 1)
  }

  @Test func `what was not shown cannot be approved`() {
    var line = Line([.calm])
    line.type("approve 1")
    line.wait(2_000)
    line.type("47")
    line.wait(1_000)
    #expect(line.text.contains("Not yet: show 1 prints what would be sent"))
    #expect(line.decisions.isEmpty)
  }

  @Test func `a wrong line disarms, and lines pasted behind the code do too`() {
    var line = Line([.calm])
    line.approve(Sample.calm.id, "48")
    #expect(line.text.contains("DISARMED"))
    line.wait(5_000)
    line.type("approve 1")
    line.wait(2_000)
    line.type("47")
    line.type("list")
    line.wait(2_000)
    #expect(line.decisions.isEmpty)
  }

  @Test func `HIGH takes the findings, the largest leg and the code`() {
    var line = Line([.high])
    line.approve(Sample.high.id, "12", phrase(.high), "47")
    #expect(line.decisions.first?.accepted.sorted() == ["C06", "E02"])
  }

  @Test func `without a terminal nothing is approved`() {
    var line = Line([.calm], canApprove: false)
    line.approve(Sample.calm.id, "47")
    #expect(line.text.contains("no terminal"))
    #expect(line.decisions.isEmpty)
    line.type("reject 1 too large")
    #expect(line.decisions.map(\.note) == ["too large"])
  }

  @Test func `freeze is at once, thaw and resume take the word`() {
    var line = Line([.calm])
    line.type("freeze")
    #expect(
      line.effects.contains(.halt(freezes: true, agent: nil, reason: "halted from the console")))
    line.type("pause grid-b")
    #expect(line.effects.contains { if case .halt(true, "grid-b", _) = $0 { true } else { false } })
    line.send(.feed(.status(DeedTests.paused())))
    #expect(line.text.contains("grid-b is PAUSED by ops2"))
    line.type("resume grid-b")
    line.type("resume")
    #expect(
      line.effects.contains { if case .halt(false, "grid-b", _) = $0 { true } else { false } })
  }

  @Test func `every change is one sentence, and nothing is told twice`() {
    var line = Line([.calm])
    let before = line.lines.count
    line.send(.feed(.batch(Sample.calm.summary)))
    line.send(.feed(.status(.sample())))
    #expect(line.lines.count == before)
    var over = Sample.calm.summary
    (over.state, over.outcome) = (.expired, "nobody approved it in time")
    line.send(.feed(.batch(over)))
    #expect(line.text.contains("1: expired"))
    #expect(line.text.contains("nobody approved it in time"))
    line.send(.linkDown("reset by peer"))
    #expect(line.text.contains("LINK LOST: reset by peer."))
  }

  @Test func `what is printed is plain text, whatever an agent wrote`() {
    for (index, text) in HostileTests.payloads.enumerated() where index % 4 == 0 {
      var call = Sample.call
      call.arguments = JSONWriter.canonicalText(of: ["v": .string("7\(text)3")])
      call.agent = Text(text)
      var line = Line([call])
      line.type("show 1")
      line.type("list")
      let isHarmful = line.lines.contains {
        $0.unicodeScalars.contains(where: HostileTests.isHarmful)
      }
      #expect(!isHarmful, "\(text.debugDescription.prefix(40))")
    }
  }

  @Test(arguments: [Sample.calm, .high, .unchecked, .reducing])
  func `keys on a screen and lines end in the same decision`(sample: Sample) throws {
    var desk = Desk([sample], width: 120, height: 40)
    desk.look(at: sample)
    desk.press("a")
    desk.wait(2_000)
    let wanted = try #require(desk.arming).wanted.count
    if wanted > 0 {
      desk.type((1...wanted).map { String($0) }.joined())
      desk.type(phrase(sample))
    }
    desk.type("47")
    var line = Line([sample])
    if wanted > 0 {
      line.approve(
        sample.id, (1...wanted).map { String($0) }.joined(), phrase(sample), "47")
    } else {
      line.approve(sample.id, "47")
    }
    let (keys, lines) = (try #require(desk.approvals.first), try #require(line.decisions.first))
    #expect(keys.digest == lines.digest)
    #expect(keys.accepted == lines.accepted)
    #expect(
      (keys.batch, keys.revision, keys.environment) == (
        lines.batch, lines.revision, lines.environment
      ))
  }

  private func phrase(_ sample: Sample) -> String { BatchContent(sample.detail).phrase }
}

extension Desk {
  var arming: Arming? { if case .arm(let arming) = model.prompt { arming } else { nil } }
}

import JSON
import OperatorProtocol
import Terminal
import TestSupport
import Testing
import Time

@testable import Console

/// Every line that is typed gets a true answer, whenever it is typed.
@Suite struct PlainAnswerTests {
  typealias Line = PlainTests.Line

  static func early(_ lines: String..., then samples: [Sample] = [.calm]) -> Line {
    var line = Line(samples, isConnected: false)
    for one in lines { line.type(one) }
    line.wait(1_000)
    line.connect()
    line.wait(200)
    line.read(samples)
    return line
  }

  @Test func `what is typed before the list came is done when it is there`() {
    let line = Self.early("list", "reject \(Sample.calm.id) too large")
    #expect(line.text.contains("Held until the list has been read: list"))
    #expect(line.text.contains("> list\n1: pending, NOTE, grid-b"))
    #expect(!line.text.contains("There is no batch"))
    #expect(line.decisions.map(\.verb) == [.reject])
    #expect(line.decisions.map(\.note) == ["too large"])
  }

  @Test func `a number that was not printed yet decides nothing`() {
    var line = Self.early("show 1", "reject 1 too large", "approve 1")
    #expect(line.decisions.isEmpty)
    #expect(line.text.contains("Not done: 1 had not been printed when that was typed."))
    // Looking decides nothing.
    #expect(line.text.contains("3207.10"))
    line.type("reject 1 too large")
    #expect(line.decisions.map(\.verb) == [.reject])
  }

  @Test func `what is typed ahead opens no panel`() {
    var line = Self.early("show \(Sample.calm.id)", "approve \(Sample.calm.id)", "47")
    #expect(line.text.contains("a: not possible"))
    #expect(line.session.model.prompt == .none)
    line.wait(5_000)
    line.type("47")
    line.wait(1_000)
    #expect(line.decisions.isEmpty)
  }

  @Test func `lines that wait are few, and do not wait for ever`() {
    var line = Line([.calm], isConnected: false)
    for number in 0...PlainSession.heldLimit { line.type("list \(number)") }
    #expect(line.text.contains("Dropped, 32 lines wait already: list 32"))
    #expect(line.session.held.count == PlainSession.heldLimit)
    let wakes = line.effects.compactMap { if case .wake(let at) = $0 { at } else { nil } }
    #expect(wakes.contains(noon + PlainSession.heldFor))
    line.wait(PlainSession.heldFor.count)
    #expect(line.session.held.isEmpty)
    #expect(
      line.lines.count { $0.utf8.starts(with: "Dropped, it was not so within 30s".utf8) } == 32)
  }

  @Test func `a rejection works before anything was shown, and after a wrong line`() {
    var line = Line([.calm])
    line.type("reject 1 too large")
    #expect(line.decisions.map(\.note) == ["too large"])
    line = Line([.calm])
    line.approve(Sample.calm.id, "48")
    line.type("approve 1")
    line.type("reject 1 too large")
    #expect(line.decisions.map(\.note) == ["too large"])
  }

  @Test func `the same answer is given to the same question each time`() {
    var line = Line([.blocked])
    line.type("show 1")
    line.wait(2_000)
    for _ in 0..<3 {
      line.type("approve 1")
      line.wait(100)
    }
    #expect(line.lines.count { $0.contains("BLOCK A04 cannot be approved") } == 3)
  }

  @Test func `a freeze waits for nothing but the sign-in, and says so`() {
    var line = Line([.calm], isConnected: false)
    line.type("freeze")
    #expect(line.text.contains("Held until the gateway has let you in: freeze"))
    line.wait(100)
    line.send(.signedIn(operatorName: "ops1", role: .approver))
    #expect(
      line.effects.contains(.halt(freezes: true, agent: nil, reason: "halted from the console")))
  }

  @Test(arguments: ["freeze", "pause grid-b", "reject 1 no"])
  func `what stops something works while a panel is open`(words: String) {
    var line = Line([.calm])
    line.type("show 1")
    line.wait(2_000)
    line.type("approve 1")
    line.type(words)
    let isStopped = line.effects.contains {
      if case .halt(true, _, _) = $0 { true } else { false }
    }
    #expect(isStopped || line.decisions.map(\.verb) == [.reject])
    line.wait(2_000)
    line.type("47")
    line.wait(1_000)
    #expect(!line.decisions.contains { $0.verb == .approve })
  }

  @Test func `a long reason is refused, and typing it takes no time of the batches`() {
    var soon = Sample.calm
    soon.expires = seconds(30)
    var line = Line([soon, .reducing])
    line.type("reject 2 \(String(repeating: "x", count: 501))")
    #expect(line.text.contains("Not sent: the reason has 501 bytes, at most 500 are taken."))
    line.type("reject 2 \(String(repeating: "x", count: 500))")
    line.approve(soon.id, "47")
    #expect(line.decisions.map(\.verb) == [.reject, .approve])
  }

  @Test func `looking takes real time`() {
    var line = Line([.calm])
    line.type("show 1")
    line.type("approve 1")
    #expect(line.text.contains("less than a glance"))
    #expect(line.session.model.prompt == .none)
  }

  @Test func `two questions at once get two answers`() {
    var line = Line([.calm, .reducing])
    let before = line.lines.count
    line.type("exposure")
    line.type("agents")
    line.send(.exposure(ExposureView(markets: [], account: .missing("no key"))))
    line.send(.pageFailed(.agents, "a viewer may not read them"))
    let said = line.lines.dropFirst(before).joined(separator: "\n")
    #expect(said.contains("no key"))
    #expect(said.contains("agents cannot be read: a viewer may not read them."))
  }

  @Test func `what could not be read is asked for again`() {
    var line = Line([.calm])
    line.details = [:]
    line.type("show 1")
    line.send(.detailFailed(Sample.calm.id, "time-out"))
    #expect(line.text.contains("cannot be read: time-out"))
    line.details[Sample.calm.id] = Sample.calm.detail
    line.type("show 1")
    #expect(line.text.contains("3207.10"))
  }

  @Test func `the end of the input waits for what is not answered`() {
    var line = Line([.calm], canApprove: false)
    line.type("reject 1 too large")
    line.endInput()
    #expect(!line.effects.contains(.quit))
    var over = Sample.calm.summary
    over.state = .rejected
    line.send(.answered(Sample.calm.id, .reject, .done(over)))
    #expect(line.effects.contains(.quit))
  }

  @Test func `the end of the input does not wait for ever, and says what is open`() {
    var line = Line([.calm], canApprove: false, isConnected: false)
    line.type("reject 1 x")
    line.type("freeze")
    line.endInput()
    #expect(!line.effects.contains(.quit))
    line.wait(PlainSession.leaveWithin.count)
    #expect(line.effects.contains(.quit))
    #expect(line.text.contains("Not done, nothing came that it could be answered with: reject 1 x"))
  }
}

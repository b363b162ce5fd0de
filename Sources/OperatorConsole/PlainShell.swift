import Console
import Foundation
import JSON
import OperatorProtocol
import Synchronization
import Time

/// The console in lines: reads lines, prints sentences, and does what the session asks for.
///
/// **Concurrency model.** `run` is one task and owns the session. Lines come through a `LineReader`,
/// the network's news through the mailbox. Both and the alarm wake `run` through one stream.
final class PlainShell {
  private let mailbox: Mailbox
  private let link: ConsoleLink
  private let clock = SteadyClock()
  private var session: PlainSession
  private var isDone = false
  private var alarm: Task<Void, Never>?
  private var dueAt: Timestamp?
  private let wakes: AsyncStream<Void>
  private let inlet: AsyncStream<Void>.Continuation
  private let isQuiet: Bool

  init(mailbox: Mailbox, link: ConsoleLink, options: ConsoleOptions) {
    self.mailbox = mailbox
    self.link = link
    isQuiet = options.isQuiet
    session = PlainSession(at: clock.now, canApprove: isatty(0) != 0)
    // Each wake takes all there is: one that waits is enough.
    (wakes, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func run() async {
    let inlet = inlet
    mailbox.attach { inlet.yield() }
    let reader = LineReader(clock: clock) { inlet.yield() }
    reader.start()
    var hasEnded = false
    for await _ in wakes {
      if let dueAt, clock.now >= dueAt {
        self.dueAt = nil
        perform(session.handle(.tick, at: clock.now))
      }
      for event in mailbox.take(atMost: Mailbox.limit) {
        perform(session.handle(event, at: clock.now))
      }
      for news in reader.drain() where !isDone {
        switch news {
        case .line(let line, let moment): perform(session.take(line: line, at: moment))
        case .dropped(let words): perform(session.handle(.notice(words), at: clock.now))
        case .end where !hasEnded:
          hasEnded = true
          perform(session.inputEnded(at: clock.now))
        case .end: break
        }
      }
      if isDone { break }
    }
    alarm?.cancel()
  }

  private func perform(_ outputs: [PlainSession.Output]) {
    for output in outputs {
      switch output {
      case .line(let words): FileHandle.standardOutput.write(Data((words + "\n").utf8))
      case .effect(let effect): perform(effect)
      }
    }
  }

  private func perform(_ effect: ConsoleEffect) {
    switch effect {
    case .drawDigits(let serial):
      let number = Int.random(in: 0...99)
      perform(session.handle(.digits(serial: serial, number: number), at: clock.now))
    // What was typed before the panel was printed is dropped by the system; lines that were read
    // already come with the moment at which they were, which is too early.
    case .discardInput: tcflush(0, TCIFLUSH)
    case .bell: if !isQuiet { FileHandle.standardOutput.write(Data([7])) }
    case .wake(let moment): setAlarm(at: moment)
    case .quit: isDone = true
    case .repaint, .suspend, .copy, .notify: break
    default: link.ask(effect)
    }
  }

  private func setAlarm(at moment: Timestamp) {
    alarm?.cancel()
    dueAt = moment
    let (inlet, wait) = (inlet, max(0, (moment - clock.now).count))
    alarm = Task {
      guard (try? await Task.sleep(for: .milliseconds(wait))) != nil else { return }
      inlet.yield()
    }
  }
}

extension ConsoleLink {
  /// What the model wants of the network.
  func ask(_ effect: ConsoleEffect) {
    switch effect {
    case .fetchDetail(let id): ask(.detail(id))
    case .fetchAll: ask(.all)
    case .fetchLedger(let from, let limit): ask(.ledger(from: from, limit: limit))
    case .fetchCheckpoint: ask(.checkpoint)
    case .fetchPage(let page): ask(.page(page))
    case .fetchTool(let name): ask(.tool(name))
    case .acceptTool(let acceptance): ask(.accept(acceptance))
    case .submit(let decision, let cooling):
      var decision = decision
      decision.decidedAt = WallClock.now
      ask(.decide(decision, cooling: cooling))
    case .halt(let freezes, let agent, let reason):
      ask(.halt(freezes ? .freeze : .thaw, agent: agent, reason: reason))
    case .cancelAll(let reason): ask(.halt(.cancelAll, agent: nil, reason: reason))
    case .drawDigits, .discardInput, .bell, .notify, .copy, .repaint, .suspend, .quit, .wake: break
    }
  }
}

import Console
import Foundation
import JSON
import OperatorProtocol
import Synchronization
import Time

/// The console in lines: reads lines, prints sentences, and does what the session asks for.
///
/// **Concurrency model.** `run` is one task and owns the session. A thread reads standard input and
/// gives each line with the moment at which it came; the network's news come through the mailbox. All
/// of them wake `run` through one stream.
final class PlainShell {
  /// Bytes of a line that are read; a longer one is dropped whole.
  static let lineLimit = 4_096
  /// Lines that wait to be read: whoever pastes more than that loses the rest.
  static let waitingLines = 256

  private enum Wake: Sendable {
    case line(String, at: Timestamp)
    case news
    case due
    case end
  }

  private let mailbox: Mailbox
  private let link: ConsoleLink
  private let clock = SteadyClock()
  private var session: PlainSession
  private var isDone = false
  private var alarm: Task<Void, Never>?
  private let wakes: AsyncStream<Wake>
  private let inlet: AsyncStream<Wake>.Continuation
  private let isQuiet: Bool

  init(mailbox: Mailbox, link: ConsoleLink, options: ConsoleOptions) {
    self.mailbox = mailbox
    self.link = link
    isQuiet = options.isQuiet
    session = PlainSession(at: clock.now, canApprove: isatty(0) != 0)
    (wakes, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.waitingLines))
  }

  func run() async {
    let inlet = inlet
    mailbox.attach { inlet.yield(.news) }
    readLines()
    for await wake in wakes {
      switch wake {
      case .line(let line, let moment): perform(session.take(line: line, at: moment))
      case .news: for event in mailbox.drain() { perform(session.handle(event, at: clock.now)) }
      case .due: perform(session.handle(.tick, at: clock.now))
      case .end: isDone = true
      }
      // A burst of lines may have crowded out the word of some news.
      for event in mailbox.drain() { perform(session.handle(event, at: clock.now)) }
      if isDone { break }
    }
    alarm?.cancel()
  }

  /// A thread of its own: a read of a terminal cannot be cancelled.
  private func readLines() {
    let (inlet, clock) = (inlet, clock)
    let thread = Thread { @Sendable in
      var line: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: Self.lineLimit)
      while true {
        let count = read(0, &chunk, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        for byte in chunk.prefix(count) {
          guard byte == 10 else {
            line.append(byte)
            continue
          }
          if line.count <= Self.lineLimit {
            inlet.yield(.line(String(decoding: line, as: UTF8.self), at: clock.now))
          }
          line.removeAll(keepingCapacity: true)
        }
        if line.count > Self.lineLimit { line.removeLast(line.count - Self.lineLimit - 1) }
      }
      inlet.yield(.end)
    }
    thread.name = "lines"
    thread.start()
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
    let (inlet, wait) = (inlet, max(0, (moment - clock.now).count))
    alarm = Task {
      guard (try? await Task.sleep(for: .milliseconds(wait))) != nil else { return }
      inlet.yield(.due)
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

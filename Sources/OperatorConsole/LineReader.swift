import Foundation
import Synchronization
import Time

/// Lines of standard input, each with the moment at which it came.
///
/// **Concurrency model.** A thread of its own reads, because a read of a terminal cannot be
/// cancelled; one task drains. What was read is behind a mutex. Nothing is dropped in silence.
final class LineReader: Sendable {
  /// Bytes of a line that are read; a longer one is dropped whole.
  static let lineLimit = 4_096
  /// Lines that wait to be taken: whoever pastes more than that loses the rest.
  static let waitingLines = 256

  enum News: Hashable, Sendable {
    case line(String, at: Timestamp)
    /// What was not taken, in words.
    case dropped(String)
    case end
  }

  private struct State {
    var news: [News] = []
    var dropped = 0
    var isOver = false
  }

  private let clock: SteadyClock
  private let wake: @Sendable () -> Void
  private let state = Mutex(State())

  /// - Parameter wake: Tells the task that drains, from the thread, that something is here.
  init(clock: SteadyClock, wake: @escaping @Sendable () -> Void) {
    self.clock = clock
    self.wake = wake
  }

  /// Begins to read file descriptor 0.
  func start() {
    let thread = Thread { @Sendable in self.readAll() }
    thread.name = "lines"
    thread.start()
  }

  /// Everything since the last time, in order.
  func drain() -> [News] {
    state.withLock { state in
      defer { (state.news, state.dropped) = ([], 0) }
      var news = state.news
      if state.dropped > 0 {
        news.append(
          .dropped("\(state.dropped) lines came too fast and were dropped; type them again"))
      }
      return state.isOver ? news + [.end] : news
    }
  }

  private func readAll() {
    var assembly = LineAssembly()
    var chunk = [UInt8](repeating: 0, count: Self.lineLimit)
    while true {
      let count = read(0, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      for line in assembly.take(chunk.prefix(count)) { post(line) }
    }
    let rest = assembly.isEmpty ? [] : ["the last line did not end and was not done"]
    state.withLock { state in
      state.news += rest.map { .dropped($0) }
      state.isOver = true
    }
    wake()
  }

  private func post(_ line: String?) {
    state.withLock { state in
      guard state.news.count < Self.waitingLines else {
        state.dropped += 1
        return
      }
      state.news.append(
        line.map { .line($0, at: clock.now) }
          ?? .dropped("a line of more than \(Self.lineLimit) bytes was dropped"))
    }
    wake()
  }
}

/// Lines out of pieces of any length.
struct LineAssembly {
  private var line: [UInt8] = []

  /// Whether nothing has come since the last end of a line.
  var isEmpty: Bool { line.isEmpty }

  /// The lines that `bytes` complete; nil for one that is too long.
  mutating func take(_ bytes: some Sequence<UInt8>) -> [String?] {
    var lines: [String?] = []
    for byte in bytes {
      guard byte == 10 else {
        // One byte over the limit is enough to know that it is too long.
        if line.count <= LineReader.lineLimit { line.append(byte) }
        continue
      }
      lines.append(
        line.count <= LineReader.lineLimit ? String(decoding: line, as: UTF8.self) : nil)
      line.removeAll(keepingCapacity: true)
    }
    return lines
  }
}

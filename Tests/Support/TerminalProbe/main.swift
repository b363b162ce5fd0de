import NcursesTerminal
import Terminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

// A program for the tests to run in a pseudo-terminal: it writes every event into a row of its own
// and obeys a few keys. q quits, z suspends, d waits for three more bytes and discards them, e
// writes to standard error, w wakes from another thread, o changes one cell; f, s, a and x crash
// or leave in four ways.

final class Probe {
  private let screen: Screen
  private var log: [String] = []
  private var dot = 0

  init() throws { screen = try Screen() }

  func run() -> String {
    note("ready(\(screen.size.width)x\(screen.size.height),\(screen.depth))")
    while true {
      draw()
      let events = screen.waitForInput()
      if events.isEmpty { note("woken") }
      for event in events {
        note(name(of: event))
        switch event {
        case .terminate, .closed: return finish(name(of: event))
        case .key(.character("q")): return finish("quit")
        case .key(.character(let key)) where obey(key): break
        default: continue
        }
        break
      }
    }
  }

  private func finish(_ reason: String) -> String {
    screen.close()
    return reason
  }

  /// Whether the rest of the batch is to be dropped.
  private func obey(_ key: Unicode.Scalar) -> Bool {
    switch key {
    case "z": screen.suspend()
    case "d": return discard()
    case "e": sayOnStandardError("words-on-standard-error\n")
    case "w": wakeFromAnotherThread()
    case "o": dot += 1
    case "f": fatalError("probe-trap")
    case "s": UnsafeMutablePointer<Int>(bitPattern: 8)?.pointee = 1
    case "a": abort()
    case "x": exit(9)
    default: break
    }
    return false
  }

  private func discard() -> Bool {
    note("discarding")
    draw()
    var queued: Int32 = 0
    while queued < 3 {
      var waiting = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
      _ = poll(&waiting, 1, -1)
      _ = ioctl(0, UInt(FIONREAD), &queued)
    }
    note("discarded(\(screen.discardInput().count))")
    return true
  }

  private func sayOnStandardError(_ words: String) { _ = write(2, words, words.utf8.count) }

  private func wakeFromAnotherThread() {
    let box = Unmanaged.passRetained(screen.waker).toOpaque()
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        argument.map { Unmanaged<Waker>.fromOpaque($0).takeRetainedValue().wake() }
        return nil
      }, box)
    pthread_detach(thread)
  }

  private func note(_ text: String) { log.append("\(log.count):\(text);") }

  private func draw() {
    var frame = Frame(size: screen.size, glyphs: screen.glyphs)
    frame.box(frame.bounds, title: "probe")
    for (index, line) in log.enumerated() {
      frame.draw(
        SafeText(untrusted: line), at: Point(x: 2, y: 1 + index), style: index == 0 ? .high : .buy)
    }
    frame.draw(SafeText(untrusted: "é日"), at: Point(x: 50, y: 1), style: .warn)
    if dot > 0 { frame.draw(SafeText(dot % 10), at: Point(x: 60, y: 2)) }
    frame.cursor = Point(x: 1, y: 1)
    screen.present(frame)
  }

  private func name(of event: InputEvent) -> String {
    switch event {
    case .key(.character(let scalar)): "key-\(scalar)"
    case .key(let key): "key-\(key)"
    case .resized(let size): "resized-\(size.width)x\(size.height)"
    case .terminate(let number): "terminate-\(number)"
    default: "\(event)"
    }
  }
}

do {
  print("probe-ends-with:\(try Probe().run())")
} catch let error as ScreenError {
  print("probe-refuses:\(error)")
  exit(3)
}

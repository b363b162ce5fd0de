#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A program that runs in a pseudo-terminal of its own, as the leader of a session.
final class PseudoTerminal {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Milliseconds that anything may take.
  static let patience = 20_000

  /// Everything that the program has written.
  private(set) var output = ""
  let process: pid_t
  private let master: Int32
  private let slave: Int32
  private let modesBefore: [UInt8]

  init(
    _ command: [String], columns: UInt16 = 80, rows: UInt16 = 24,
    environment: [String: String] = [:], blocksSignals: Bool = false
  ) throws {
    var ends: (Int32, Int32) = (-1, -1)
    var name = [CChar](repeating: 0, count: 128)
    guard openpty(&ends.0, &ends.1, &name, nil, nil) == 0 else {
      throw Failure(description: "no pseudo-terminal: errno \(errno)")
    }
    (master, slave) = ends
    let path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    _ = fcntl(master, F_SETFD, FD_CLOEXEC)
    _ = fcntl(slave, F_SETFD, FD_CLOEXEC)
    modesBefore = PseudoTerminal.modes(of: slave)
    PseudoTerminal.resize(master, columns, rows)
    process = try PseudoTerminal.spawn(command, path, environment, blocksSignals)
  }

  deinit {
    if !isReaped { kill(process, SIGKILL) }
    if !isReaped { waitpid(process, nil, 0) }
    if !isHungUp { close(master) }
    close(slave)
  }

  private var isReaped = false
  private var isHungUp = false

  /// Whether line settings are what they were before the program ran.
  var modesAreAsBefore: Bool { PseudoTerminal.modes(of: slave) == modesBefore }

  func type(_ text: String) { type(Array(text.utf8)) }

  func type(_ bytes: [UInt8]) { _ = write(master, bytes, bytes.count) }

  func resize(columns: UInt16, rows: UInt16) {
    PseudoTerminal.resize(master, columns, rows)
  }

  func signal(_ number: Int32) { kill(process, number) }

  /// Closes the terminal, as a lost connection does.
  func hangUp() {
    isHungUp = true
    close(slave)
    close(master)
  }

  /// Reads until `text` has been written since the last `expect`, and returns what came up to it.
  @discardableResult
  func expect(_ text: String) throws -> String {
    while true {
      if let range = output.utf8.firstRange(of: text.utf8, from: consumed) {
        let part = String(output.utf8[consumed..<range.upperBound]) ?? ""
        consumed = range.upperBound
        return part
      }
      guard try readSome() else {
        throw Failure(
          description: "ended without \(text.debugDescription): \(output.debugDescription)")
      }
    }
  }

  private lazy var consumed = output.startIndex

  /// Waits for the end of the program: its status as `waitpid` gives it.
  func waitForEnd() throws -> Int32 {
    var status: Int32 = 0
    while true {
      let done = waitpid(process, &status, isHungUp ? 0 : WNOHANG)
      if done == process { break }
      guard try readSome(pause: 50, mayBeSilent: true) else {
        throw Failure(description: "does not end: \(output.debugDescription)")
      }
    }
    isReaped = true
    while !isHungUp, try readSome(pause: 50, mayBeSilent: true, once: true) {}
    return status
  }

  private var silence = 0

  /// False when nothing more can come, or with `once` when nothing is there.
  private func readSome(
    pause: Int = PseudoTerminal.patience, mayBeSilent: Bool = false, once: Bool = false
  ) throws -> Bool {
    var waiting = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, Int32(pause)) > 0 else {
      silence += pause
      return mayBeSilent && !once && silence < PseudoTerminal.patience
    }
    silence = 0
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = read(master, &bytes, bytes.count)
    guard count > 0 else { return false }
    let position = output.utf8.distance(from: output.startIndex, to: consumed)
    pendingBytes += bytes.prefix(count)
    output = String(decoding: pendingBytes, as: UTF8.self)
    consumed = output.utf8.index(output.startIndex, offsetBy: position)
    return true
  }

  private var pendingBytes: [UInt8] = []
}

extension PseudoTerminal {
  private static func modes(of descriptor: Int32) -> [UInt8] {
    var modes = termios()
    tcgetattr(descriptor, &modes)
    return withUnsafeBytes(of: &modes) { Array($0) }
  }

  private static func resize(_ master: Int32, _ columns: UInt16, _ rows: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  private static func spawn(
    _ command: [String], _ path: String, _ environment: [String: String], _ blocksSignals: Bool
  ) throws -> pid_t {
    var variables = [
      "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
      "SWIFT_BACKTRACE": "enable=no",
    ]
    variables.merge(environment) { $1 }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in Int32(0)...2 {
      posix_spawn_file_actions_addopen(&actions, descriptor, path, O_RDWR, 0)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigfillset(&defaults)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    var mask = sigset_t()
    if blocksSignals { sigfillset(&mask) } else { sigemptyset(&mask) }
    posix_spawnattr_setsigmask(&attributes, &mask)
    // Glibc's POSIX_SPAWN_SETSID does not import.
    let flags = 0x80 | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    posix_spawnattr_setflags(&attributes, Int16(flags))
    let arguments = command.map { strdup($0) } + [nil]
    let pairs = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + pairs { free(text) } }
    var process: pid_t = 0
    let result = posix_spawn(&process, command[0], &actions, &attributes, arguments, pairs)
    guard result == 0 else {
      throw Failure(description: "cannot start \(command[0]): error \(result)")
    }
    return process
  }
}

extension String.UTF8View {
  fileprivate func firstRange(of part: String.UTF8View, from start: Index) -> Range<Index>? {
    let wanted = Array(part)
    let bytes = Array(self[start...])
    guard wanted.count <= bytes.count else { return nil }
    for offset in 0...(bytes.count - wanted.count)
    where bytes[offset..<(offset + wanted.count)].elementsEqual(wanted) {
      let lower = index(start, offsetBy: offset)
      return lower..<index(lower, offsetBy: wanted.count)
    }
    return nil
  }
}

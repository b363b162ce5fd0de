private import CNcurses
package import Terminal

#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// The terminal, taken for as long as this object is open.
///
/// **Concurrency model.** One thread, the one that made it, owns a screen: curses is not safe to
/// share, and every method but `waker.wake()` traps on another thread. The owner's loop is: wait
/// for input, handle it, present one frame. Other threads hand their news over in a queue of their own
/// and call `waker.wake()`. Signal handlers set a bit and wake the loop; those of a crash put the
/// terminal back with bytes that were prepared when it was taken.
///
/// While a screen is open the process's handlers for WINCH, TERM, HUP, INT, QUIT, TSTP, CONT and
/// those of a crash belong to it, and standard error, if it is a terminal, is kept back and printed
/// when the terminal is given back.
@safe package final class Screen {
  /// Input bytes that one wait takes before it lets the caller draw.
  package static let bytesPerWait = 64 * 1024
  private static let chunk = 4_096

  /// How a screen is opened.
  package struct Options: Sendable {
    package var input: Int32 = 0
    package var output: Int32 = 1
    /// Whether colours are used where the terminal has them.
    package var wantsColour = true
    /// Colours that do not lean on red against green, or on yellow against white.
    package var theme = Theme.standard
    /// The most colours that are used, whatever the terminal says; nil: as many as it has.
    package var colours: ColourDepth?

    package init() {}

    /// Standard input and output, with colours unless `NO_COLOR` is set and not empty.
    package static var fromEnvironment: Options {
      var options = Options()
      if let value = unsafe getenv("NO_COLOR"), unsafe value.pointee != 0 {
        options.wantsColour = false
      }
      return options
    }
  }

  /// How many colours there are.
  package let depth: ColourDepth
  /// The best characters for rules: ASCII where the locale knows no other.
  package let glyphs: GlyphSet
  /// Columns and rows at the last look; `.resized` says when it changed.
  package private(set) var size: Size
  /// Ends a wait from any thread.
  package let waker: Waker

  private var handle: OpaquePointer?
  private let owner = pthread_self()
  private let painter: Painter
  private var decoder = InputDecoder()
  private var drawn: Frame?
  /// Found outside of a wait, to be reported by the next one.
  private var found: [InputEvent] = []
  private var lastByte: Int64 = 0

  /// Takes the terminal: alternate screen, raw mode, paste and focus reports on.
  package init(_ options: Options = .fromEnvironment) throws(ScreenError) {
    var failure = CN_OK
    let opened = unsafe cn_open(options.input, options.output, options.wantsColour, &failure)
    guard let handle = unsafe opened else { throw ScreenError(failure) }
    let found = unsafe ColourDepth(colours: Int(cn_colours(handle)))
    depth = options.colours.map { min($0, found) } ?? found
    glyphs = unsafe cn_is_utf8(handle) ? .unicode : .ascii
    waker = unsafe Waker(cn_waker(handle))
    painter = unsafe Painter(handle, Palette(depth, theme: options.theme))
    size = unsafe Screen.measure(handle)
    unsafe self.handle = handle
  }

  deinit {
    if let handle = unsafe handle {
      waker.close()
      unsafe cn_close(handle)
    }
  }

  /// Gives the terminal back as it was. Calling it again does nothing.
  package func close() {
    guard let handle = unsafe handle else { return }
    checkOwner()
    waker.close()
    unsafe cn_close(handle)
    unsafe self.handle = nil
  }

  private func checkOwner() {
    precondition(
      pthread_equal(owner, pthread_self()) != 0, "a screen belongs to the thread that opened it")
  }

  /// The open screen, nil after `close`.
  private var open: OpaquePointer? {
    checkOwner()
    return unsafe handle
  }

  private static func measure(_ handle: OpaquePointer) -> Size {
    var width: Int32 = 0
    var height: Int32 = 0
    unsafe cn_measure(handle, &width, &height)
    return Size(width: Int(width), height: Int(height))
  }
}

// MARK: output

extension Screen {
  /// Shows `frame`: cells that differ from the last frame, in one write.
  ///
  /// Cells outside of the terminal are ignored.
  package func present(_ frame: Frame) {
    guard let handle = unsafe open else { return }
    let base = drawn.flatMap { $0.size == frame.size ? $0 : nil }
    if base == nil { unsafe cn_erase(handle, drawn != nil) }
    painter.paint(frame, over: base ?? Frame(size: frame.size))
    if let cursor = frame.cursor {
      unsafe cn_set_cursor(handle, Int32(clamping: cursor.y), Int32(clamping: cursor.x))
    } else {
      unsafe cn_set_cursor(handle, -1, -1)
    }
    unsafe cn_flush(handle)
    drawn = frame
  }

  /// Makes the next `present` send every cell: what another program wrote is painted over.
  package func repaint() {
    guard let handle = unsafe open else { return }
    unsafe cn_erase(handle, true)
    drawn = drawn.map { Frame(size: $0.size) }
  }

  /// Sounds the terminal's bell.
  package func beep() {
    guard let handle = unsafe open else { return }
    unsafe cn_beep(handle)
  }
}

// MARK: commands to the terminal

extension Screen {
  /// The most of a text that goes to the clipboard: terminals cut longer ones off.
  package static let clipboardBytes = 56_000

  /// Hands text to the terminal's clipboard (OSC 52). False when it is too long. The terminal may
  /// not allow it: nothing tells.
  @discardableResult
  package func copy(_ text: String) -> Bool {
    guard text.utf8.count <= Screen.clipboardBytes else { return false }
    send(command: "52;c;" + Base64.encode(text.utf8))
    return true
  }

  /// Sends an operating system command made of printable ASCII; anything else is not sent.
  package func send(command: String) {
    guard let handle = unsafe open else { return }
    unsafe cn_command(handle, command)
  }
}

/// RFC 4648, with padding.
enum Base64 {
  private static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var out: [UInt8] = []
    var rest: [UInt8] = []
    func flush() {
      let word = (0..<3).reduce(UInt32(0)) { $0 << 8 | UInt32($1 < rest.count ? rest[$1] : 0) }
      for index in 0..<4 {
        let isPadding = index > rest.count
        out.append(
          isPadding ? UInt8(ascii: "=") : digits[Int(word >> (18 - 6 * UInt32(index)) & 63)])
      }
      rest = []
    }
    for byte in bytes {
      rest.append(byte)
      if rest.count == 3 { flush() }
    }
    if !rest.isEmpty { flush() }
    return String(decoding: out, as: UTF8.self)
  }
}

// MARK: input

extension Screen {
  /// Waits until something happens, then returns all of it.
  ///
  /// Returns nothing when the time is up (nil: there is no limit) or `waker` ended the wait; both
  /// may also happen early. Up to `bytesPerWait` queued bytes are taken at once.
  package func waitForInput(timeoutMilliseconds: Int? = nil) -> [InputEvent] {
    guard let handle = unsafe open else { return [.closed] }
    let start = cn_milliseconds()
    while true {
      unsafe takeSignals(handle)
      if !found.isEmpty { return take() }
      let now = cn_milliseconds()
      let left = timeoutMilliseconds.map { max(0, $0 - Int(now - start)) }
      let silence = decoder.patience.map { max(0, $0 - Int(now - lastByte)) }
      let pause = [left, silence].compactMap { $0 }.min().map { Int32(clamping: $0) } ?? -1
      let seen = unsafe read(handle, pause)
      found += decoder.flush(quiet: Int(cn_milliseconds() - lastByte))
      unsafe takeSignals(handle)
      if !found.isEmpty || seen & CN_WOKEN != 0 || left == 0 { return take() }
    }
  }

  /// Drops every key that was typed so far, queued ones included, and returns what was dropped.
  ///
  /// A sequence or paste that is only half there stays open, so that its rest does not come out as
  /// keys later. Resizes and signals are kept for the next wait. Events that the last wait has
  /// returned are the caller's: it drops those that it has not handled yet.
  @discardableResult
  package func discardInput() -> [InputEvent] {
    guard let handle = unsafe open else { return [] }
    let kept = found
    found = []
    let seen = unsafe read(handle, 0)
    if seen & CN_BYTES != 0 { unsafe cn_drop_input(handle) }
    // The news that another thread announced is still to be fetched.
    if seen & CN_WOKEN != 0 { waker.wake() }
    let dropped = found.filter { $0 != .closed }
    found = kept + found.filter { $0 == .closed }
    return dropped
  }

  private func take() -> [InputEvent] {
    defer { found = [] }
    return found
  }

  /// One wait of at most `pause` milliseconds, then everything that is queued. Returns the bits of
  /// the last read.
  private func read(_ handle: OpaquePointer, _ pause: Int32) -> Int {
    var bytes = [UInt8](repeating: 0, count: Screen.chunk)
    var wait = pause
    var seen = 0
    for _ in 0..<(Screen.bytesPerWait / Screen.chunk) {
      var count: Int32 = 0
      let bits = Int(
        unsafe cn_wait(handle, wait, &bytes, Int32(Screen.chunk), &count))
      seen = seen & ~CN_BYTES | bits
      if bits & CN_CLOSED != 0 { found.append(.closed) }
      guard bits & CN_BYTES != 0 else { break }
      lastByte = cn_milliseconds()
      found += decoder.decode(bytes.prefix(Int(count)))
      wait = 0
    }
    return seen
  }
}

// MARK: signals

extension Screen {
  /// Stops the program as ^Z does in a shell, and takes the terminal again when it goes on.
  ///
  /// The terminal is the shell's in between. `.resumed` follows in the next wait, also where the
  /// system does not stop the program because no shell could continue it.
  package func suspend() {
    guard let handle = unsafe open else { return }
    unsafe cn_suspend(handle)
    unsafe cameBack(handle)
    let other = unsafe cn_take_signals(handle) & ~(bit(SIGCONT) | bit(SIGTSTP))
    unsafe report(other, handle)
  }

  private func takeSignals(_ handle: OpaquePointer) {
    let signals = unsafe cn_take_signals(handle)
    guard signals != 0 else { return }
    if signals & bit(SIGTSTP) != 0 {
      suspend()
    } else if signals & bit(SIGCONT) != 0 {
      unsafe cn_reenter(handle)
      unsafe cameBack(handle)
    }
    unsafe report(signals, handle)
  }

  private func report(_ signals: UInt64, _ handle: OpaquePointer) {
    if signals & bit(SIGWINCH) != 0 { unsafe checkSize(handle) }
    for number in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] where signals & bit(number) != 0 {
      found.append(.terminate(number))
    }
  }

  private func cameBack(_ handle: OpaquePointer) {
    decoder.reset()
    found.append(.resumed)
    unsafe checkSize(handle)
  }

  private func checkSize(_ handle: OpaquePointer) {
    let now = unsafe Screen.measure(handle)
    guard now != size else { return }
    size = now
    found.append(.resized(now))
  }

  private func bit(_ signal: Int32) -> UInt64 { 1 << UInt64(signal) }
}

extension ColourDepth {
  fileprivate init(colours: Int) {
    self = colours >= 256 ? .indexed : colours >= 8 ? .sixteen : .mono
  }
}

extension ScreenError {
  fileprivate init(_ failure: cn_failure) {
    switch failure {
    case CN_NOT_A_TTY:
      self.init(
        code: .notATerminal,
        message: "the console needs a terminal on standard input and output; without one use "
          + "`countersign pending`, `show`, `approve` and `reject`")
    case CN_UNKNOWN_TERM:
      self.init(
        code: .unknownTerminal,
        message: "TERM names no known terminal; set it to what your terminal is, for example "
          + "TERM=xterm-256color, or use `countersign console --plain`")
    case CN_CANNOT_MOVE_CURSOR:
      self.init(
        code: .plainTerminal,
        message: "this terminal (TERM) cannot move its cursor; "
          + "use `countersign console --plain`, or `approve` and `reject`")
    case CN_ALREADY_OPEN:
      self.init(code: .alreadyOpen, message: "the terminal is in use by this program already")
    default:
      let reason = unsafe String(cString: strerror(errno))
      self.init(code: .system, message: "the terminal cannot be set up: \(reason)")
    }
  }
}

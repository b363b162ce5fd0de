import Testing

@testable import NcursesTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The probe lies beside the program that runs the tests.
private let probe: String = {
  let runner = CommandLine.arguments[0]
  return String(runner[..<(runner.lastIndex(of: "/") ?? runner.startIndex)]) + "/terminal-probe"
}()

private let enter = "\u{1B}[?1049h"
private let leave = "\u{1B}[?1049l"

private func exitCode(_ status: Int32) -> Int32? { status & 0x7F == 0 ? status >> 8 & 0xFF : nil }
private func endSignal(_ status: Int32) -> Int32 { status & 0x7F }

private func start(
  columns: UInt16 = 80, rows: UInt16 = 24, _ environment: [String: String] = [:]
) throws -> PseudoTerminal {
  let terminal = try PseudoTerminal(
    [probe], columns: columns, rows: rows, environment: environment)
  try terminal.expect(enter)
  try terminal.expect("0:ready(")
  return terminal
}

/// The terminal is as it was: screen left, reports off, cursor on, line settings equal.
private func expectRestored(_ terminal: PseudoTerminal, _ comment: Comment? = nil) {
  let output = terminal.output
  let tail = output.split(separator: enter, omittingEmptySubsequences: false).last ?? ""
  #expect(terminal.modesAreAsBefore, comment)
  #expect(tail.contains(leave), comment)
  #expect(tail.contains("\u{1B}[?1004l") && tail.contains("\u{1B}[?2004l"), comment)
  #expect(tail.contains("\u{1B}[?25h") || tail.contains("\u{1B}[?12l"), comment)
  let rest = tail.split(separator: leave, omittingEmptySubsequences: false).last ?? ""
  #expect(!rest.contains("\u{1B}[?1004h") && !rest.contains("\u{1B}[?2004h"), comment)
}

@Suite(.serialized) struct ScreenTests {
  @Test func quittingGivesTheTerminalBack() throws {
    let terminal = try start()
    #expect(!terminal.modesAreAsBefore)
    terminal.type("q")
    try terminal.expect("probe-ends-with:quit")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
    expectRestored(terminal)
  }

  @Test(arguments: [SIGTERM, SIGHUP, SIGINT, SIGQUIT])
  func signalsEndTheLoopCleanly(_ number: Int32) throws {
    let terminal = try start()
    terminal.signal(number)
    try terminal.expect("probe-ends-with:terminate-\(number)")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
    expectRestored(terminal)
  }

  @Test(arguments: [("f", [SIGILL, SIGTRAP]), ("s", [SIGSEGV]), ("a", [SIGABRT])])
  func aCrashGivesTheTerminalBack(_ key: String, _ signals: [Int32]) throws {
    let terminal = try start()
    terminal.type("e" + key)
    let status = try terminal.waitForEnd()
    #expect(signals.contains(endSignal(status)))
    expectRestored(terminal)
    let after = terminal.output.split(separator: leave).last ?? ""
    #expect(after.contains("words-on-standard-error"))
    if key == "f" { #expect(after.contains("probe-trap")) }
  }

  @Test func signalsThatTheParentBlockedAreUnblocked() throws {
    let terminal = try PseudoTerminal([probe], blocksSignals: true)
    try terminal.expect("0:ready(")
    terminal.signal(SIGTERM)
    try terminal.expect("probe-ends-with:terminate-15")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
  }

  @Test(arguments: [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP])
  func aCrashSignalThatWasSentIsObeyedToo(_ number: Int32) throws {
    let terminal = try start()
    terminal.signal(number)
    #expect(endSignal(try terminal.waitForEnd()) == number)
    expectRestored(terminal)
  }

  @Test func aCrashGoesOnToTheRuntimesHandler() throws {
    let terminal = try start(["SWIFT_BACKTRACE": "enable=yes,interactive=no,color=no"])
    terminal.type("f")
    #expect([SIGILL, SIGTRAP].contains(endSignal(try terminal.waitForEnd())))
    expectRestored(terminal)
    let after = terminal.output.split(separator: leave).last ?? ""
    #expect(after.contains("crashed"))
  }

  @Test func leavingWithoutClosingGivesTheTerminalBack() throws {
    let terminal = try start()
    terminal.type("x")
    #expect(exitCode(try terminal.waitForEnd()) == 9)
    expectRestored(terminal)
  }

  @Test func aLostTerminalEndsTheProgram() throws {
    let terminal = try start()
    terminal.hangUp()
    #expect(exitCode(try terminal.waitForEnd()) != nil)
  }

  @Test func eventsComeThrough() throws {
    let terminal = try start()
    terminal.type("k\u{1B}[Aé\u{1B}[I\u{1B}[O\u{1B}[200~q\u{1B}[201~\u{1B}[1;1R\u{1B}")
    for event in [
      "1:key-k;", "2:key-up;", "3:key-é;", "4:focusGained;", "5:focusLost;", "6:pasteBegan;",
      "7:pasteEnded;", "8:unknownSequence;", "9:key-escape;",
    ] {
      try terminal.expect(event)
    }
    terminal.type("q")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
  }

  @Test func resizesAreSeen() throws {
    let terminal = try start()
    terminal.resize(columns: 100, rows: 30)
    try terminal.expect("1:resized-100x30;")
    terminal.resize(columns: 1, rows: 1)
    terminal.resize(columns: 90, rows: 31)
    try terminal.expect("resized-90x31;")
    terminal.type("q")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
    expectRestored(terminal)
  }

  @Test func aTerminalOfOneCellIsNoCrash() throws {
    let terminal = try PseudoTerminal([probe], columns: 1, rows: 1)
    try terminal.expect("\u{1B}[?1004h")
    terminal.type("klq")
    try terminal.expect("probe-ends-with:quit")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
  }

  @Test func anotherThreadWakesTheLoop() throws {
    let terminal = try start()
    terminal.type("w")
    try terminal.expect("2:woken;")
    terminal.type("q")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
  }

  @Test func queuedKeysAreDiscarded() throws {
    let terminal = try start()
    terminal.type("d")
    try terminal.expect("2:discarding;")
    terminal.type("qqq")
    let shown = try terminal.expect("3:discarded(3);")
    #expect(!shown.contains("key-q"))
    terminal.type("k")
    try terminal.expect("4:key-k;")
    terminal.type("q")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
  }

  @Test func onlyChangedCellsAreSent() throws {
    let terminal = try start()
    try terminal.expect("┘")
    let first = terminal.output.utf8.count
    terminal.type("oo")
    try terminal.expect("2:key-o;")
    #expect(first > 200)
    #expect(terminal.output.utf8.count - first < 250)
  }

  @Test func noColourMeansNone() throws {
    let coloured = try start()
    try coloured.expect("indexed")
    coloured.type("q")
    _ = try coloured.waitForEnd()
    #expect(coloured.output.contains("38;5;203m"))
    let plain = try start(["NO_COLOR": "1"])
    try plain.expect("mono")
    plain.type("q")
    _ = try plain.waitForEnd()
    #expect(!plain.output.contains("38;5;"))
  }

  @Test(arguments: [
    ("vt220", "mono"), ("linux", "sixteen"), ("tmux-256color", "indexed"), ("screen", "sixteen"),
  ])
  func otherTerminalsWork(_ name: String, _ depth: String) throws {
    let terminal = try PseudoTerminal([probe], environment: ["TERM": name])
    try terminal.expect("0:ready(80x24,\(depth));")
    terminal.type("\u{1B}OA")
    try terminal.expect("1:key-up;")
    terminal.type("q")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
    #expect(terminal.modesAreAsBefore)
  }

  @Test(arguments: ["C", "POSIX", "C.UTF-8", "xx_XX"])
  func everyLocaleShowsText(_ locale: String) throws {
    let terminal = try start(["LC_ALL": locale])
    try terminal.expect("é日")
    terminal.type("q")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
  }

  @Test(arguments: [("no-such-terminal", "TERM names no"), ("dumb", "cannot move its cursor")])
  func aTerminalThatWillNotDoIsRefusedWithAdvice(_ name: String, _ words: String) throws {
    let terminal = try PseudoTerminal([probe], environment: ["TERM": name])
    try terminal.expect(words)
    #expect(exitCode(try terminal.waitForEnd()) == 3)
    #expect(terminal.modesAreAsBefore)
    #expect(!terminal.output.contains("\u{1B}"))
  }

  @Test func aPipeIsRefused() throws {
    let shell = try PseudoTerminal(["/bin/sh", "-c", "\(probe) | cat"])
    try shell.expect("probe-refuses:the console needs a terminal")
    _ = try shell.waitForEnd()
    #expect(shell.modesAreAsBefore)
  }

  @Test func suspendingHandsTheTerminalToTheShell() throws {
    let modes = "stty -a | tr ' ' '\\n' | grep -x icanon"
    let script = "'\(probe)'; echo stopped=$?; \(modes); fg; echo done=$?"
    let shell = try PseudoTerminal(["/bin/bash", "--norc", "-m", "-c", script])
    try shell.expect("0:ready(")
    shell.type("z")
    let shown = try shell.expect("stopped=148")
    #expect(shown.contains(leave) && shown.contains("\u{1B}[?2004l"))
    try shell.expect("icanon")
    try shell.expect(enter)
    try shell.expect("resumed;")
    shell.type("q")
    try shell.expect("done=0")
    #expect(exitCode(try shell.waitForEnd()) == 0)
    expectRestored(shell)
  }

  @Test func withoutAShellSuspendingGoesOn() throws {
    let terminal = try start()
    terminal.type("z")
    try terminal.expect("2:resumed;")
    terminal.type("q")
    #expect(exitCode(try terminal.waitForEnd()) == 0)
    expectRestored(terminal)
  }
}

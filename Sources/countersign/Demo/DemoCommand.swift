import ArgumentParser
import Foundation
import NcursesTerminal
import OperatorConsole

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "All of it on this machine, without an account.",
    discussion: """
      Starts a paper exchange, the order tools over MCP, the gateway, and an agent that proposes \
      batches: sane ones, a fat finger, a duplicate, one that crosses itself, one with hostile text. \
      With a terminal the approval console opens and you decide, until q. Without one, or with \
      --headless, a scripted operator decides and every step is printed; it takes some \
      seconds and ends with 0 only if every step happened and the ledger verifies.
      """)

  @Flag(help: "Let a scripted operator decide, and print each step.") var headless = false
  @Option(help: "Equal seeds give equal markets.") var seed: UInt64 = 20_261_122
  @Option(help: "Keep state and logs in this new directory.", completion: .directory)
  var keep: String?

  func run() async throws {
    let interactive = !headless && isatty(0) == 1 && isatty(1) == 1
    if interactive { CrashReports.keepOffTheScreen() }
    let place = try DemoPlace(keep: keep)
    defer { place.removeUnlessKept() }
    let world = try await DemoWorld.start(in: place, seed: seed)
    do {
      if interactive {
        // A window that is closed hangs up more than once; the parts of the demo must still be ended.
        for number in [SIGHUP, SIGTERM] { signal(number, SIG_IGN) }
        try await play(world)
      } else {
        try await script(world)
      }
    } catch {
      await world.stop()
      throw error
    }
    await world.stop()
  }

  /// Every step, or an error: also when a signal ends it.
  private func script(_ world: DemoWorld) async throws {
    let (done, doer) = AsyncStream<Void>.makeStream()
    try await untilSignal {
      try await DemoScript(world).run()
      doer.yield()
    }
    doer.finish()
    var steps = done.makeAsyncIterator()
    guard await steps.next() != nil else {
      throw Failure(Failure.refused, "the demo was interrupted")
    }
  }

  /// The console, with the agent proposing in the background until the operator quits.
  private func play(_ world: DemoWorld) async throws {
    let proposals = Task { await world.proposeForEver() }
    defer { proposals.cancel() }
    do {
      try await OperatorConsole.run(client: world.client, memory: nil)
    } catch let error as ScreenError {
      throw Failure(Failure.badInput, "\(error); try `countersign demo --headless`")
    }
    let entries = try world.verifyLedger()
    Standard.line("The ledger of this demo had \(entries) entries; all of them verify.")
  }
}

/// A directory of the demo's own.
struct DemoPlace: Sendable {
  let path: String
  private let isKept: Bool

  init(keep: String?) throws {
    if let keep {
      guard mkdir(keep, 0o700) == 0 else {
        throw Failure(
          Failure.badInput, "\(keep) cannot be made: name a directory that is not there")
      }
      path = URL(fileURLWithPath: keep).path
      isKept = true
      return
    }
    var template = Array((NSTemporaryDirectory() + "/countersign-demo.XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else {
      throw Failure(Failure.badInput, "no temporary directory can be made")
    }
    path = String(cString: made)
    isKept = false
  }

  func removeUnlessKept() {
    if !isKept { try? FileManager.default.removeItem(atPath: path) }
  }
}

import ArgumentParser
import BybitTools
import Foundation
import Gateway
import Logging
import Synchronization
import TLS

struct GatewayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway", abstract: "Serve agents and operators.",
    discussion: """
      Prints one line for each listener on standard output when it serves; logs go to standard \
      error.
      """)

  @OptionGroup var config: ConfigOptions

  @Option(help: "How the log is written to standard error: text or json, an object a line.")
  var logFormat = LogFormat.text

  func run() async throws {
    let configuration = try config.read()
    SystemLimits.raiseDescriptors()
    let service = try GatewayService(
      configuration, environment: ProcessInfo.processInfo.environment,
      logger: .standardError(logFormat))
    try await untilSignal {
      try await service.run(onMetrics: { port in
        guard let endpoint = configuration.metrics else { return }
        Standard.line("metrics: http://\(endpoint.host):\(port)/metrics")
      }) { agents, operators in
        Standard.line("agents: \(configuration.url(configuration.agents, port: agents))/mcp")
        Standard.line("operators: \(configuration.url(configuration.operators, port: operators))")
      }
    }
  }
}

struct BybitToolsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bybit-tools",
    abstract: "Serve the exchange's order tools over MCP on standard input and output.",
    discussion: """
      Reads BYBIT_API_KEY, BYBIT_API_SECRET, BYBIT_REST_URL and BYBIT_STREAM_URL from the \
      environment.
      """)

  @Option(help: "How the log is written to standard error: text or json, an object a line.")
  var logFormat = LogFormat.text

  func run() async throws {
    let server = try BybitToolsServer(
      environment: ProcessInfo.processInfo.environment, security: try TLSClient.system(),
      logger: .standardError(logFormat), now: { SystemClock.now() })
    try await server.run()
  }
}

/// Runs until it ends by itself or SIGINT or SIGTERM asks for it; the work is cancelled then, after
/// `onSignal`, and has its own time to end in order. A second signal ends the process at once.
func untilSignal(
  _ work: @escaping @Sendable () async throws -> Void,
  onSignal: @escaping @Sendable () async -> Void = {}
) async throws {
  let signals = AsyncStream<Void>.makeStream()
  let count = SignalCount()
  let sources = [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number)
    source.setEventHandler { @Sendable in
      if count.next() > 1 { _exit(Failure.partly) }
      signals.continuation.yield()
    }
    source.resume()
    return source
  }
  defer { for source in sources { source.cancel() } }
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await work() }
    group.addTask {
      var asked = signals.stream.makeAsyncIterator()
      if await asked.next() != nil { await onSignal() }
    }
    defer { group.cancelAll() }
    try await group.next()
    group.cancelAll()
    do {
      while try await group.next() != nil {}
    } catch is CancellationError {}
  }
}

/// How many signals have come.
private final class SignalCount: Sendable {
  private let count = Atomic<Int>(0)

  func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}

extension LogFormat: ExpressibleByArgument {}

extension Logger {
  static func standardError(_ format: LogFormat = .text) -> Logger {
    var logger = Logger(label: "countersign") { _ in LogOutput(format) }
    logger.logLevel =
      ProcessInfo.processInfo.environment["LOG_LEVEL"].flatMap(Logger.Level.init(rawValue:))
      ?? .notice
    return logger
  }
}

import Foundation
import JSON
import Logging
import MCP
import Networking
import Synchronization
import Testing

@testable import Gateway

/// The tiny server of `Tests/Peers`.
enum TinyServer {
  static let script = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Peers/stdio_server.py").standardizedFileURL.path()

  static func configuration(_ mode: String) -> UpstreamConfiguration {
    let command = ChildCommand(
      "/usr/bin/env", ["python3", script, mode],
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "ONLY": "this"])
    return UpstreamConfiguration(
      name: "tiny", command: command, version: "1", limits: ChildLimits(lineBytes: 1 << 20),
      handshakeTime: .seconds(20), grace: .milliseconds(500))
  }
}

/// Keeps what is logged.
struct LogBox: LogHandler {
  final class Lines: Sendable {
    private let stream: AsyncStream<String>
    private let sink: AsyncStream<String>.Continuation

    init() { (stream, sink) = AsyncStream.makeStream() }

    func add(_ line: String) { sink.yield(line) }

    /// Waits until `line` was logged; one reader.
    func wait(for line: String) async {
      for await next in stream where next == line { return }
    }

    func first() async -> String? {
      for await next in stream { return next }
      return nil
    }
  }
  let lines: Lines
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { lines.add("\(event.message)") }
}

func boxedLogger() -> (Logger, LogBox.Lines) {
  let lines = LogBox.Lines()
  return (Logger(label: "test") { _ in LogBox(lines: lines) }, lines)
}

func withUpstream(
  _ mode: String = "good", _ body: (UpstreamChild) async throws -> Void
) async throws {
  let (logger, _) = boxedLogger()
  let child = try await UpstreamChild.start(TinyServer.configuration(mode), logger: logger)
  do {
    try await body(child)
  } catch {
    await child.terminate()
    throw error
  }
  await child.terminate()
}

extension ClientSession.Completion {
  var text: String? {
    guard case .result(let object) = self else { return nil }
    return object["content"]?.arrayValue?.first?["text"]?.stringValue
  }
  var kind: String {
    switch self {
    case .result: "result"
    case .error: "error"
    case .notSent: "notSent"
    case .lost: "lost"
    case .cancelled: "cancelled"
    }
  }
}

@Suite("Upstreams: one child", .timeLimit(.minutes(1)))
struct UpstreamChildTests {
  @Test func answersErrorsAndProgress() async throws {
    try await withUpstream { child in
      #expect(child.identity?.name == "tiny")
      #expect(child.tools.map(\.name).prefix(2) == ["echo", "slow"])
      let echo = await child.call(ToolCall(name: "echo", arguments: ["qty": "1.50"]))
      #expect(echo.text == #"{"qty": "1.50"}"#)
      let steps = Mutex<[String]>([])
      let done = await child.call(ToolCall(name: "steps")) { progress in
        steps.withLock { $0.append(progress.progress.text) }
      }
      #expect(done.text == "three")
      #expect(steps.withLock { $0 } == ["1", "2", "3"])
      #expect(await child.call(ToolCall(name: "refused")).kind == "error")
    }
  }

  @Test func theLastWordsOfAChildThatFailedAreLogged() async throws {
    let (logger, lines) = boxedLogger()
    let child = try await UpstreamChild.start(TinyServer.configuration("good"), logger: logger)
    #expect(await child.call(ToolCall(name: "die")).kind == "lost")
    await lines.wait(
      for: #"its process ended with status 7; its last words: ready\u{1b}[31m\u{202e} now\u{d}"#)
  }

  @Test func theEnvironmentIsExactlyTheConfiguredOne() async throws {
    try await withUpstream { child in
      let text = try #require(await child.call(ToolCall(name: "env")).text)
      let json = try JSONParser.parse(Array(text.utf8), limits: .peer)
      let keys = Set(try #require(json.objectValue).keys).subtracting(["LC_CTYPE"])
      #expect(keys == ["ONLY", "PATH"])
    }
    let command = try #require(
      UpstreamConfiguration.command(
        ["server", "--x"], environment: ["KEY": "k"],
        from: ["PATH": "/bin", "AWS_SECRET": "no", "HOME": "/h"]))
    #expect(command.environment == ["PATH": "/bin", "HOME": "/h", "KEY": "k"])
    #expect(UpstreamConfiguration.command([], environment: [:], from: [:]) == nil)
  }

  @Test func aDeathInTheMiddleOfACallIsLost() async throws {
    try await withUpstream { child in
      #expect(await child.call(ToolCall(name: "die")).kind == "lost")
      #expect(await child.call(ToolCall(name: "echo")).kind == "notSent")
      var last: UpstreamEvent?
      for await event in child.events { last = event }
      guard case .closed(let error)? = last else {
        Issue.record("the last event is \(String(describing: last))")
        return
      }
      #expect(error.message.contains("status 7"))
      #expect(!child.isOpen)
    }
  }

  @Test func aCallWithoutAnAnswerEndsAtItsTimeOut() async throws {
    try await withUpstream { child in
      let slow = await child.call(ToolCall(name: "slow"), timeout: .milliseconds(100))
      #expect(slow.kind == "lost")
      #expect(await child.call(ToolCall(name: "echo")).kind == "result")
    }
  }

  @Test func aCancelledCallMayHaveActed() async throws {
    let (logger, lines) = boxedLogger()
    let child = try await UpstreamChild.start(TinyServer.configuration("good"), logger: logger)
    let call = Task { await child.call(ToolCall(name: "slow")) }
    await lines.wait(for: "stderr: slow")
    call.cancel()
    #expect(await call.value.kind == "cancelled")
    await lines.wait(for: #"stderr: cancelled "the caller gave up""#)
    await child.terminate()
  }

  @Test func aCallOfACancelledTaskIsNotSent() async throws {
    try await withUpstream { child in
      let call = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return await child.call(ToolCall(name: "die"))
      }
      #expect(await call.value.kind == "notSent")
      #expect(await child.call(ToolCall(name: "echo")).kind == "result")
    }
  }

  @Test func callsThatNeverLeftAreNotSentWhenADeafChildDies() async throws {
    try await withUpstream("deaf") { child in
      let big: JSONObject = ["text": .string(String(repeating: "x", count: 1 << 20))]
      let kinds = await withTaskGroup(of: String.self) { group in
        // The first fills the pipe, once it is written, and can never be known to be unread.
        for _ in 0..<4 {
          group.addTask { await child.call(ToolCall(name: "echo", arguments: big)).kind }
        }
        group.addTask {
          while child.queuedCalls < 3 { await Task.yield() }
          child.kill()
          return "killed"
        }
        return await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
      }
      #expect(kinds["lost", default: 0] <= 1 && kinds["notSent", default: 0] >= 3, "\(kinds)")
      #expect(kinds.values.reduce(0, +) == 5)
    }
  }

  @Test func changedToolsAreReadAgain() async throws {
    try await withUpstream { child in
      var events = child.events.makeAsyncIterator()
      guard case .tools(let first)? = await events.next() else { return #expect(Bool(false)) }
      _ = await child.call(ToolCall(name: "change"))
      guard case .tools(let second)? = await events.next() else { return #expect(Bool(false)) }
      #expect(second.map(\.name) == first.map(\.name) + ["extra"])
    }
  }

  @Test func garbageBetweenMessagesIsDropped() async throws {
    try await withUpstream("garbage") { child in
      #expect(await child.call(ToolCall(name: "echo")).kind == "result")
      #expect(child.drops.malformed > 2)
      #expect(child.drops.unknown > 0)
    }
  }

  @Test(arguments: [
    ("mute", "did not finish its handshake"), ("refuse", "not today\\u{1b}[2J"),
    ("old", "1999-01-01"), ("exit", "status 3"), ("flood", "longer than"),
  ])
  func aBadChildIsReportedAndDead(_ mode: String, _ words: String) async throws {
    let (logger, _) = boxedLogger()
    var configuration = TinyServer.configuration(mode)
    if mode == "mute" { configuration.handshakeTime = .milliseconds(300) }
    let error = await #expect(throws: UpstreamError.self) {
      try await UpstreamChild.start(configuration, logger: logger)
    }
    let description = try #require(error).description
    #expect(description.contains(words))
  }

  @Test func aMissingProgramIsReported() async throws {
    var configuration = TinyServer.configuration("good")
    configuration.command.program = "/nonexistent/server"
    let (logger, _) = boxedLogger()
    let error = await #expect(throws: UpstreamError.self) {
      try await UpstreamChild.start(configuration, logger: logger)
    }
    #expect(error?.code == .start)
  }

  @Test func standardErrorIsOneHarmlessLine() async throws {
    let (logger, lines) = boxedLogger()
    let child = try await UpstreamChild.start(TinyServer.configuration("good"), logger: logger)
    #expect(await lines.first() == #"stderr: ready\u{1b}[31m\u{202e} now\u{d}"#)
    await child.terminate()
  }
}

@Suite("Upstreams: the identity of a process group", .timeLimit(.minutes(1)))
struct ProcessGroupIdentityTests {
  @Test func readsItsOwnText() throws {
    let identity = try #require(ProcessGroupIdentity(leader: getpid()))
    #expect(ProcessGroupIdentity(text: identity.text) == identity)
  }

  @Test(arguments: ["", "1:2", "0:2:b", "1:2:b", "-5:2:b", "+7:2:b", "7:x:b", "7:2:", "7:2:b:c"])
  func refusesOtherTexts(_ text: String) {
    #expect(ProcessGroupIdentity(text: text) == nil)
  }

  @Test func aCommandWithParenthesesIsReadRight() {
    let stat = "12 (a) b (c) S 1 77 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0"
    let entry = ProcessEntry(stat: Array(stat.utf8))
    #expect(entry?.group == 77)
    #expect(entry?.start == 4242)
    #expect(ProcessEntry(stat: Array("12 (a) S".utf8)) == nil)
  }

  @Test func killsTheWholeGroup() async throws {
    try await withUpstream { child in
      let text = await child.call(ToolCall(name: "spawn")).text
      let grandchild = try #require(text.flatMap(Int32.init))
      let group = try #require(child.processGroup)
      #expect(ProcessEntry.read(grandchild)?.group == group.group)
      #expect(await ProcessGroupIdentity.killGroup(group) == .killed)
      #expect(ProcessEntry.read(grandchild).map { $0.state == UInt8(ascii: "Z") } ?? true)
      await child.terminate()
      #expect(await ProcessGroupIdentity.killGroup(group) == .gone)
    }
  }

  @Test func aReusedNumberIsLeftAlone() async throws {
    try await withUpstream { child in
      let group = try #require(child.processGroup)
      let earlier = try #require(
        ProcessGroupIdentity(text: "\(group.group):\(group.start - 1):\(group.boot)"))
      let reboot = try #require(
        ProcessGroupIdentity(text: "\(group.group):\(group.start):other-boot"))
      #expect(await ProcessGroupIdentity.killGroup(earlier) == .gone)
      #expect(await ProcessGroupIdentity.killGroup(reboot) == .gone)
      #expect(await child.call(ToolCall(name: "echo")).kind == "result")
    }
  }
}

import Foundation
import JSON
import Networking
import Testing

@testable import Gateway

/// The official SDKs as agents. Each needs a Python with its requirements installed, named by an
/// environment variable.
@Suite("Agents: the official SDKs", .timeLimit(.minutes(2)))
struct PeerAgentTests {
  static let pythons: [String] = ["COUNTERSIGN_MCP1_PYTHON", "COUNTERSIGN_MCP2_PYTHON"]
    .compactMap { ProcessInfo.processInfo.environment[$0] }
  static let script = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Peers/peer_agents.py").standardizedFileURL.path()

  /// The steps that the harness printed, by name, and how it ended.
  private func run(
    _ python: String, _ client: AgentClient, _ arguments: [String],
    onStep: (String) -> Void = { _ in }
  ) async throws -> (steps: [String: JSONValue], status: ChildStatus) {
    let url = "http://127.0.0.1:\(client.port)/mcp"
    let command = ChildCommand(
      python, [Self.script, url, client.token] + arguments, environment: [:])
    let child = try await ChildProcess.start(command) { line in
      print("peer:", String(decoding: line, as: UTF8.self))
    }
    var steps: [String: JSONValue] = [:]
    for try await line in child.lines {
      let json = try JSONParser.parse(line, limits: .peer)
      let step = json["step"]?.stringValue ?? ""
      steps[step] = json
      onStep(step)
    }
    return (steps, await child.status())
  }

  @Test(.enabled(if: !pythons.isEmpty), arguments: pythons, ["auto", "legacy"])
  func listsCallsAndPolls(_ python: String, _ mode: String) async throws {
    try await withListener { client, desk, _ in
      let arguments = ["--tool", "read", "--held", "order", "--mode", mode]
      let tools = try await run(python, client, ["tools"] + arguments)
      #expect(tools.status == .exited(0))
      #expect(tools.steps["connected"]?["protocol"]?.stringValue == "2025-11-25")
      let read = try await run(python, client, ["read"] + arguments)
      #expect(read.status == .exited(0))
      let held = try await run(python, client, ["held"] + arguments)
      #expect(held.status == .exited(0))
      #expect(held.steps["held"]?["text"]?.stringValue == "filled")
      #expect(held.steps["held"]?["polls"]?.intValue == 2)
      #expect(held.steps["held"]?["progress"] == [1])
      #expect(!desk.log.contains("written false"))
    }
  }

  @Test(.enabled(if: !pythons.isEmpty), arguments: pythons)
  func aHeldCallDoesNotBlockARead(_ python: String) async throws {
    try await withListener { client, desk, _ in
      let run = try await run(
        python, client, ["parallel", "--tool", "read", "--held", "hold"],
        onStep: { if $0 == "answered" { desk.release() } })
      #expect(run.status == .exited(0))
      #expect(desk.log.contains("call hold by alpha at bybit"))
    }
  }

  @Test(.enabled(if: !pythons.isEmpty), arguments: pythons)
  func aClientThatGivesUpKeepsItsSession(_ python: String) async throws {
    try await withListener { client, desk, _ in
      let run = try await run(
        python, client,
        ["impatient", "--tool", "read", "--held", "hold", "--timeout", "0.5"])
      #expect(run.status == .exited(0))
      // Some clients withdraw the call, others only close the socket.
      #expect(desk.log.contains("cancelled") || desk.log.contains("disconnected"))
      #expect(!desk.log.contains("written false"))
    }
  }
}

import Foundation
import JSON
import Testing
import Time

@testable import Approvals

/// The waits of known clients: one table, in the code and on the page.
struct ClientWaitsTests {
  @Test func thePageShowsTheTable() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      contentsOf: root.appendingPathComponent("docs/clients.md"), encoding: .utf8)
    let shown = page.split(separator: "\n").map(String.init).filter { $0.hasPrefix("| `") }
    let wanted = ClientWaits.rows.map { row in
      let names = row.names.map { "`\($0)`" }.joined(separator: ", ")
      return "| \(names) | \(row.client) | \(row.timeOut) | \(row.wait.count / 1000) s |"
    }
    #expect(shown == wanted)
  }

  @Test func everyWaitLeavesRoomBeforeTheClientGivesUp() {
    for row in ClientWaits.rows {
      #expect(row.wait >= .seconds(5) && row.wait <= .minutes(10), "\(row.client)")
    }
  }

  @Test(arguments: [
    ("claude-code", 110), ("claude-ai", 50), ("claude-ai (via mcp-remote 0.1.37)", 50),
    ("gemini-cli-mcp-client-bybit", 50), ("somebody", 25), ("", 25), ("Claude-Code", 25),
    ("claude-code-router", 25),
  ])
  func namesAreComparedAsBytes(name: String, seconds: Int64) {
    #expect(GateSettings().wait(for: Text(name)) == .seconds(seconds))
  }

  @Test func theConfigurationComesFirst() {
    var settings = GateSettings()
    settings.waitByClient = ["claude-code": .seconds(7)]
    settings.wait = .seconds(4)
    #expect(settings.wait(for: "claude-code") == .seconds(7))
    #expect(settings.wait(for: "codex-mcp-client") == .seconds(50))
    #expect(settings.wait(for: "somebody") == .seconds(4))
  }
}

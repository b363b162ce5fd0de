package import JSON
package import OperatorProtocol
package import Time

/// What is read only while it is looked at.
package enum ConsolePage: String, CaseIterable, Hashable, Sendable {
  case exposure, agents, limits, policy, tools
}

/// A tool of an upstream.
package struct ToolName: Hashable, Sendable {
  package var upstream: Text
  package var tool: Text

  package init(upstream: Text, tool: Text) {
    self.upstream = upstream
    self.tool = tool
  }

  init(_ view: ToolView) { self.init(upstream: view.upstream, tool: view.tool) }

  /// As people write it: `bybit/wsBatchCreateOrders`.
  var words: String { "\(upstream)/\(tool)" }
}

/// What the console wants done. The shell does it and reports the outcome as an event.
package enum ConsoleEffect: Hashable, Sendable {
  case fetchDetail(BatchID)
  /// Read queue, orders and fills anew.
  case fetchAll
  case fetchLedger(from: Int, limit: Int)
  case fetchCheckpoint
  /// Read what a page shows; answered by the event of its name or `pageFailed`.
  case fetchPage(ConsolePage)
  /// Read both definitions of a tool; answered by `toolDefinitions` or `toolFailed`.
  case fetchTool(ToolName)
  /// Answer with `.digits` of this serial.
  case drawDigits(serial: Int)
  /// The approval panel is on the screen: drop everything that was typed before this moment.
  case discardInput
  /// Sign and send. The shell fills in the nonce, which is empty here. `cooling` is false where the
  /// approval is to take effect at once.
  case submit(Decision, cooling: Bool)
  /// Sign and send a halt, or the end of one; of one agent where it is named.
  case halt(freezes: Bool, agent: Text?, reason: String)
  /// Sign and send the acceptance of a definition; answered by `toolAnswered`.
  case acceptTool(ToolAcceptance)
  /// Sign and send an order to cancel everything that is open.
  case cancelAll(reason: String)
  /// Hand text to the terminal's clipboard.
  case copy(String)
  case bell
  /// Tell the operator outside of the terminal that somebody waits. Never with foreign text.
  case notify(waiting: Int, high: Int)
  case repaint
  case suspend
  case quit
  /// Send `.tick` at that moment; it replaces an earlier wish.
  case wake(at: Timestamp)
}

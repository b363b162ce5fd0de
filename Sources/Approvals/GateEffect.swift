package import JSON
package import MCP
package import OperatorProtocol
package import Orders
package import Time

/// What the shell must do. Completion comes back as an event.
package enum GateEffect: Hashable, Sendable {
  /// Make durable; answered by `persisted` or `persistFailed`.
  case persist(Commit)
  /// Finish an agent's request; answered by `answered`.
  case answer(RequestID, ToolResult)
  /// A request stays open for a decision: tell its client now and then that it is waited for.
  case waits(RequestID)
  /// Relay an allowed call to the upstream and its answer to the agent. Where `reportsEnd`, the call
  /// counts until `forwardEnded` comes back.
  case forward(
    RequestID, upstream: Text, tool: Text, arguments: JSONObject, reportsEnd: Bool)
  /// Tell the upstream that a forwarded call is cancelled.
  case cancelForward(RequestID)
  /// Finish an operator's request.
  case accept(OperatorRequestID, JSONValue)
  case refuse(OperatorRequestID, OperatorRefusal)
  /// Tell every console.
  case publish(OperatorEvent)
  /// Start the child that moves orders, in a process group of its own.
  case openLane(upstream: Text)
  /// Kill the order child and every process of its group, also one that an earlier run left behind;
  /// answered by `laneKilled`, or by `laneSurvives` for as long as it does not die.
  case killLane(upstream: Text, group: Text?)
  /// Send a held call: its intent is durable.
  case dispatch(BatchID, upstream: Text, tool: Text, arguments: JSONObject)
  /// Call a tool that cancels orders; answered by `ordersCancelled`.
  case cancelOrders(OperatorRequestID, CancelCall)
  /// Ask the exchange for these orders, open and closed, and their executions.
  case readExchange(BatchID, [OrderKey], since: Timestamp)
  /// The same for orders made elsewhere; answered by `ordersRead`.
  case readOrders([OrderKey])
  /// Read what is open in every category; answered by `openOrders`.
  case listOpenOrders
  /// The order stream lost news: take it up anew, and read what may have been missed.
  case renewStream
  /// Keep market data of these fresh, and the account; empty stops it.
  case watch([Listing])
  /// Open the store anew and answer with `storeRestored` when it can be written.
  case reopenStore
  /// What is stored cannot be read: say so and stop.
  case unreadable(String)
  /// Who may come in has changed.
  case admit(Registry)
  /// The list of tools that agents see has changed.
  case toolListChanged
  /// Count this; nothing depends on it.
  case counted(GateTally)
  /// Handle `tick` at this moment.
  case wake(Timestamp)
}

package import JSON
package import OperatorProtocol
import Orders
package import Time

/// Something that is counted. Told once for each time that it happens; nothing depends on it.
package enum GateTally: Hashable, Sendable {
  /// A tool call and what became of it at first.
  case call(upstream: Text, CallClass, CallVerdict)
  case decision(Decision.Verb, isTaken: Bool)
  /// From the receipt of a call to the decision that ended its wait.
  case decidedAfter(Milliseconds)
  /// What became of a call that was approved, once that is on disk.
  case outcome(upstream: Text, HoldState)
}

/// What a tool does to orders.
package enum CallClass: String, CaseIterable, Sendable {
  case create, amend, cancel
  /// Every other tool of an upstream.
  case other
  /// The gateway's own tool.
  case await
}

package enum CallVerdict: String, CaseIterable, Sendable {
  case allowed, denied, held
  /// It waits for a call that is held already.
  case joined
  /// It got the outcome of an earlier one, or there is no call to wait for.
  case answered
  case busy
  /// The store cannot be written, or the gateway is stopping.
  case unavailable
}

extension AgentCall {
  var callClass: CallClass {
    guard tool != awaitApprovalTool else { return .await }
    switch OrderTool.named(tool)?.kind {
    case .create?: return .create
    case .amend?: return .amend
    case .cancel?: return .cancel
    default: return .other
    }
  }

  func counted(_ verdict: CallVerdict) -> GateEffect {
    .counted(.call(upstream: upstream, callClass, verdict))
  }
}

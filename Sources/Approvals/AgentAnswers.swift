import JSON
package import MCP
import OperatorProtocol
import Time

/// What agents are told. Every text is a sentence a model can act on; nothing in it authorises
/// anything or says how to approve.
package enum AgentAnswers {
  static let awaitApprovalDefinition: ToolDefinition = {
    let json: JSONValue = [
      "name": .string(awaitApprovalTool),
      "description": """
      Waits for the outcome of a call that is held for a human's approval and returns it: the \
      tool's own result, or why it was not executed. While it answers "pending", call it again \
      with the same approvalId; do not repeat or change the original call.
      """,
      "inputSchema": [
        "type": "object",
        "properties": [
          "approvalId": ["type": "string", "description": "The id from the pending answer."]
        ],
        "required": ["approvalId"], "additionalProperties": false,
      ],
    ]
    guard let definition = try? ToolDefinition(json: JSONCursor(json)) else {
      preconditionFailure("the definition of awaitApproval is not well formed")
    }
    return definition
  }()

  // MARK: Not held

  static func denied(
    id: BatchID, rule: Text, reason: String, counter: Text?, retryAfter: Milliseconds?
  ) -> ToolResult {
    let again = retryAfter.map { " Try again in \(($0.count + 999) / 1000) s." } ?? ""
    return error(
      "Denied by policy: \(reason).\(again) Nothing was executed. Do not repeat the call unchanged.",
      [
        "verdict": "denied", "decisionId": .string(id.text), "rule": .string(rule),
        "reason": .string(reason), "counter": counter.map { .string($0) },
        "retryAfterMs": retryAfter.map { .int($0.count) },
      ])
  }

  static func busy(id: BatchID) -> ToolResult {
    error(
      "Busy: too many calls wait for approval. Nothing was executed. Wait for their outcomes first.",
      ["verdict": "busy", "decisionId": .string(id.text), "retryAfterMs": 60_000])
  }

  /// For a call that the gateway has no room to look at: nothing was decided about it.
  package static let flooded = error(
    "Busy: more calls came in than can be looked at. Nothing was executed and nothing is held. Make "
      + "the identical call again in a second, and fewer at a time.",
    ["verdict": "busy", "retryAfterMs": 1_000])

  static func storeDown(_ reason: String) -> ToolResult {
    error(
      "The gateway cannot record decisions now, so it makes none: \(reason). This call was not "
        + "accepted. If an approval was pending, its outcome is not known here; ask again later.",
      ["verdict": "unavailable", "retryAfterMs": 10_000])
  }

  static let stopping = error(
    "The gateway is stopping and takes nothing new: nothing was executed. Make the identical call "
      + "again when it is back; one that was held before is held still and joined by that.",
    ["verdict": "unavailable", "retryAfterMs": 10_000])

  static let badAwait = error(
    "awaitApproval takes exactly one argument, approvalId: the id from the pending answer.",
    ["verdict": "denied"])

  static let noSuchApproval = error(
    "No call of yours is held under this approvalId.", ["verdict": "denied"])

  // MARK: Held

  static func pending(
    _ call: HeldCall, hasOutputSchema: Bool, isStopping: Bool = false
  ) -> ToolResult {
    let decision = meta(call, isStopping ? ["retryAfterMs": 10_000] : [:])
    let whenBack =
      isStopping ? "The gateway is stopping; this stays as it is. When it is back, c" : "C"
    let text = """
      PENDING: \(progress(of: call)) \(whenBack)all awaitApproval with {"approvalId": "\(call.id)"} \
      to wait for the outcome. Do not repeat or change the call.
      """
    return ToolResult(text: text, structured: hasOutputSchema ? nil : decision.objectValue)
      .with(decision: decision)
  }

  /// How far an unsettled call is, with its id.
  private static func progress(of call: HeldCall) -> String {
    let id = "(approvalId \(call.id))"
    return switch call.state {
    case .approved:
      "this call \(id) was approved and is about to be executed. Nothing was executed yet."
    case .dispatching:
      "this call \(id) was approved and is being executed. Its outcome is not known yet."
    case .unknown:
      "this call \(id) was sent and its outcome is not known; the exchange is being asked."
    default:
      "this call waits for a human's approval \(id). Nothing was executed yet. It expires at "
        + "\(call.statement.expiresAt)."
    }
  }

  static func outcome(of call: HeldCall, isReplay: Bool) -> ToolResult {
    let replayed: KeyValuePairs<Text, JSONValue?> =
      isReplay
      ? ["replayed": true, "settledAt": call.settledAt.map { .timestamp($0) }] : [:]
    let decision = meta(call, replayed)
    if let result = call.result, call.state == .acknowledged || call.state == .failed {
      return result.with(decision: decision)
    }
    let text: String =
      switch call.state {
      case .rejected:
        "Rejected by a human: \(call.outcome). Nothing was executed. Do not repeat the call unchanged."
      case .expired: "Expired: \(call.outcome). Nothing was executed."
      case .withdrawn: "Withdrawn: \(call.outcome)."
      case .blocked: "Not executed: \(call.outcome)."
      case .failed: "Not executed: \(call.outcome)."
      case .resolved: "The outcome was established by a person: \(call.outcome)."
      default: "Executed: \(call.outcome)."
      }
    let isError = call.state != .resolved && call.state != .acknowledged
    return ToolResult(text: text, isError: isError).with(decision: decision)
  }

  private static func meta(
    _ call: HeldCall, _ more: KeyValuePairs<Text, JSONValue?>
  ) -> JSONValue {
    var object = JSONObject(compact: [
      "verdict": "held", "approvalId": .string(call.id.text),
      "status": .string(call.state.rawValue), "settled": .bool(call.state.isSettled),
      "rule": .string(call.rule),
      "expiresAt": .timestamp(call.statement.expiresAt),
      "reason": call.outcome.isEmpty ? nil : .string(call.outcome),
    ])
    for (key, value) in more { object[key] = value }
    return .object(object)
  }

  private static func error(
    _ text: String, _ decision: KeyValuePairs<Text, JSONValue?>
  ) -> ToolResult {
    let meta = JSONValue.compact(decision)
    return ToolResult(text: text, isError: true, structured: meta.objectValue)
      .with(decision: meta)
  }
}

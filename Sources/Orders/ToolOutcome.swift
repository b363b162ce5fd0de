package import JSON

/// What an order tool's result really says.
///
/// A WebSocket order tool reports success whatever the exchange answered, so the reply's `retCode`
/// and the codes of its legs decide, never the success of the call.
package enum ToolOutcome: Hashable, Sendable {
  /// Every leg was accepted. Accepted is not filled.
  case accepted([LegAck])
  /// Some or all legs were turned down, or their fate is not told.
  case partly([LegAck])
  /// Nothing was accepted.
  case refused(code: Int?, words: String)
  /// Orders may exist: reconcile, never send again.
  case unknown(code: Int?, words: String)
}

/// What the exchange said about one leg.
package struct LegAck: Hashable, Sendable {
  package enum Answer: String, Hashable, Sendable { case accepted, rejected, ambiguous }

  /// Index in the request.
  package let index: Int
  package let answer: Answer
  package let code: Int
  package let words: String
  /// Nil where the exchange gave none.
  package let orderID: Text?
  package let orderLinkID: Text?
}

/// The exchange's codes that leave open whether an order exists.
package enum ReturnCodes {
  package static let ambiguous: Set<Int> = [
    429, 10000, 10006, 10016, 10019, 10403, 10429, 20003, 20006, 170_001, 170_005, 170_007, 170_032,
    170_146, 170_147, 500_000,
  ]
  /// Refusals of the request itself, before any leg of a batch is looked at: time window, key,
  /// signature, permission, address, expiry, operation.
  package static let beforeOrders: Set<Int> = [10002, 10003, 10004, 10005, 10010, 10404, 33004]
}

extension ToolOutcome {
  /// Bytes of a result text that are read.
  package static let limits = JSONLimits.peer

  /// Reads the text of an order tool's result.
  ///
  /// `legCount` is how many orders were sent; an answer about another number of legs is `unknown`.
  package static func read(
    _ text: String, isError: Bool = false, tool: OrderTool, legCount: Int
  ) -> ToolOutcome {
    if isError { return readError(text, isBatch: tool.isBatch) }
    guard let reply = try? JSONParser.parse(text.utf8, limits: limits),
      let code = reply["retCode"]?.intValue
    else { return .unknown(code: nil, words: "the result is no answer of the exchange") }
    let words = reply["retMsg"]?.stringValue ?? ""
    guard code == 0 else { return topLevel(code, words, isBatch: tool.isBatch) }
    let body = reply["data"] ?? reply["result"] ?? .null
    // It names whatever it found, which may be nothing.
    if tool.cancelsAll { return .accepted([]) }
    let acks =
      tool.isBatch
      ? batchAcks(body, reply["retExtInfo"], legCount)
      : [ack(0, code: 0, words: words, row: body)]
    guard let acks, acks.count == legCount else {
      return .unknown(code: nil, words: "the answer lists another number of orders than were sent")
    }
    return acks.allSatisfy { $0.answer == .accepted } ? .accepted(acks) : .partly(acks)
  }

  private static func topLevel(_ code: Int, _ words: String, isBatch: Bool) -> ToolOutcome {
    if ReturnCodes.ambiguous.contains(code) { return .unknown(code: code, words: words) }
    // The exchange does not say what a failed batch has done to its legs.
    if isBatch, !ReturnCodes.beforeOrders.contains(code) {
      return .unknown(code: code, words: words)
    }
    return .refused(code: code, words: words)
  }

  private static func batchAcks(
    _ body: JSONValue, _ extra: JSONValue?, _ legCount: Int
  ) -> [LegAck]? {
    let rows = body["list"]?.arrayValue ?? []
    guard rows.count == legCount else { return nil }
    guard let codes = extra?["list"]?.arrayValue else {
      return rows.enumerated().map { uncoded($0, $1) }
    }
    guard codes.count == legCount else { return nil }
    return zip(rows, codes).enumerated().map { index, pair in
      guard let code = pair.1["code"]?.intValue else { return uncoded(index, pair.0) }
      return ack(index, code: code, words: pair.1["msg"]?.stringValue ?? "", row: pair.0)
    }
  }

  private static func ack(_ index: Int, code: Int, words: String, row: JSONValue) -> LegAck {
    let id = row["orderId"]?.textValue.flatMap { $0.isEmpty ? nil : $0 }
    let answer: LegAck.Answer =
      ReturnCodes.ambiguous.contains(code) || code == 0 && id == nil
      ? .ambiguous : code == 0 ? .accepted : .rejected
    return LegAck(
      index: index, answer: answer, code: code, words: words, orderID: id,
      orderLinkID: row["orderLinkId"]?.textValue.flatMap { $0.isEmpty ? nil : $0 })
  }

  /// A leg without a code: its order id is the only evidence.
  private static func uncoded(_ index: Int, _ row: JSONValue) -> LegAck {
    ack(index, code: 0, words: "the answer has no code for this order", row: row)
  }

  // MARK: Other tools

  /// Reads the text of a tool's result that is about no order; nil where it names no code of the
  /// exchange and does not tell of a call that was cut off.
  package static func readOther(_ text: String, isError: Bool) -> ToolOutcome? {
    if isError {
      let outcome = readError(text, isBatch: false)
      if case .unknown(nil, _) = outcome, !cutOff.contains(where: { text.contains($0) }) {
        return nil
      }
      return outcome
    }
    guard let reply = try? JSONParser.parse(text.utf8, limits: limits),
      let code = reply["retCode"]?.intValue, code != 0
    else { return nil }
    return topLevel(code, reply["retMsg"]?.stringValue ?? "", isBatch: false)
  }

  /// What error texts say of calls whose answer did not arrive.
  private static let cutOff = [
    "aborted", "timed out", "closed unexpectedly", "socket hang up", "ECONNRESET",
  ]

  // MARK: Failed calls

  /// How error texts begin of calls that were never sent to the exchange.
  private static let neverSent = [
    "Validation error:", "Tool not found:", "Error: WebSocket auth failed",
    "Error: BYBIT_API_KEY must be set", "Error: connect ECONNREFUSED",
    "Error: getaddrinfo ENOTFOUND",
    // The server looks at its own version before every call.
    "upgrade required", "Upgrade required", "Error: upgrade required", "Error: Upgrade required",
  ]

  private static func readError(_ text: String, isBatch: Bool) -> ToolOutcome {
    let prefix = "Error: Bybit API error "
    if text.hasPrefix(prefix) {
      let rest = text.dropFirst(prefix.count)
      let digits = rest.prefix { $0 != ":" }
      guard let code = Int(digits) else { return .unknown(code: nil, words: text) }
      let words = rest.dropFirst(digits.count).drop { $0 == ":" || $0 == " " }
      return topLevel(code, String(words), isBatch: isBatch)
    }
    if neverSent.contains(where: { text.hasPrefix($0) }) { return .refused(code: nil, words: text) }
    return .unknown(code: nil, words: text)
  }
}

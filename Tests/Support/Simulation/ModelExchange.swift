import Approvals
import JSON
import MCP
import OperatorProtocol
import Time

/// One call on its way from a child to the exchange.
struct Message {
  let batch: BatchID
  let tool: Text
  let arguments: JSONObject
}

/// An exchange that remembers every order it took, by link id.
struct ModelExchange {
  struct Order {
    let batch: BatchID
    let leg: JSONObject
    let id: String
    let created: Timestamp
    var isFilled = false
  }

  /// Its clock less the true time.
  let skew: Milliseconds
  private(set) var orders: [Text: Order] = [:]
  /// How often each call arrived in time.
  private(set) var received: [BatchID: Int] = [:]
  /// Calls that are no orders and were executed.
  private(set) var executed: Set<BatchID> = []

  init(skew: Milliseconds) { self.skew = skew }

  func orders(of batch: BatchID) -> [Order] { orders.values.filter { $0.batch == batch } }

  /// Executes a call, or not, and answers. The window is the exchange's own.
  mutating func receive(
    _ message: Message, signedAt: Timestamp, now: Timestamp, window: Milliseconds,
    _ chance: inout Chance
  ) -> ToolResult {
    guard now + skew - window <= signedAt else {
      return text(#"{"retCode":10002,"retMsg":"late"}"#)
    }
    received[message.batch, default: 0] += 1
    guard let legs = legs(of: message) else {
      executed.insert(message.batch)
      return text(#"{"retCode":0,"retMsg":"OK"}"#)
    }
    switch chance.below(20) {
    case 0: return text(#"{"retCode":10003,"retMsg":"bad key"}"#)
    case 1:
      let words = text(#"{"retCode":10016,"retMsg":"busy"}"#)
      if chance.percent(50) { for leg in legs { _ = place(leg, message.batch, now, &chance) } }
      return words
    default: break
    }
    let acks = legs.map { place($0, message.batch, now, &chance) }
    return answer(acks, isBatch: message.arguments["request"] != nil)
  }

  private func legs(of message: Message) -> [JSONObject]? {
    if let request = message.arguments["request"]?.arrayValue {
      return request.compactMap(\.objectValue)
    }
    return message.arguments["orderLinkId"] == nil ? nil : [message.arguments]
  }

  private mutating func place(
    _ leg: JSONObject, _ batch: BatchID, _ now: Timestamp, _ chance: inout Chance
  ) -> (code: Int, id: String) {
    guard let link = leg["orderLinkId"]?.textValue else { return (10001, "") }
    if orders[link] != nil { return (110_072, "") }
    if chance.percent(15) { return (110_007, "") }
    let isAmbiguous = chance.percent(5)
    if isAmbiguous, chance.percent(50) { return (10016, "") }
    let id = "o\(orders.count + 1)"
    orders[link] = Order(batch: batch, leg: leg, id: id, created: now + skew)
    return isAmbiguous ? (10016, "") : (0, id)
  }

  private func answer(_ acks: [(code: Int, id: String)], isBatch: Bool) -> ToolResult {
    guard isBatch else {
      let ack = acks[0]
      return text(#"{"retCode":\#(ack.code),"retMsg":"-","data":{"orderId":"\#(ack.id)"}}"#)
    }
    let rows = acks.map { #"{"orderId":"\#($0.id)"}"# }.joined(separator: ",")
    let codes = acks.map { #"{"code":\#($0.code),"msg":"-"}"# }.joined(separator: ",")
    return text(
      #"{"retCode":0,"retMsg":"OK","data":{"list":[\#(rows)]},"retExtInfo":{"list":[\#(codes)]}}"#)
  }

  private func text(_ text: String) -> ToolResult { ToolResult(text: text) }

  // MARK: Reads

  func rows(_ links: [Text]) -> [JSONObject] {
    links.compactMap { link in orders[link].map { row(link, $0) } }
  }

  /// A row about some order, as the private stream would send it; it may have been filled.
  mutating func news(_ chance: inout Chance) -> JSONObject? {
    guard let link = chance.pick(orders.keys.sorted()) else { return nil }
    if chance.percent(40) { orders[link]?.isFilled = true }
    return orders[link].map { row(link, $0) }
  }

  private func row(_ link: Text, _ order: Order) -> JSONObject {
    let qty = order.leg["qty"]?.stringValue ?? "0"
    return JSONObject(compact: [
      "symbol": order.leg["symbol"], "orderId": .string(order.id), "orderLinkId": .string(link),
      "side": order.leg["side"], "orderType": order.leg["orderType"], "qty": .string(qty),
      "price": order.leg["price"], "orderStatus": order.isFilled ? "Filled" : "New",
      "cumExecQty": .string(order.isFilled ? qty : "0"), "avgPrice": "",
      "createdTime": .string("\(order.created.milliseconds)"),
      "updatedTime": .string("\(order.created.milliseconds)"),
    ])
  }
}

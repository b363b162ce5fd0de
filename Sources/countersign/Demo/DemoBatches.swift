import Decimals
import Foundation
import JSON
import MCP

/// What the demo's agent proposes, at the prices of the moment.
struct DemoBatch: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case pair = "a sane pair that trades at once"
    case ladder = "a ladder of resting orders"
    case duplicate = "the same ladder once more"
    case fatFinger = "a fat finger: two digits too many"
    case selfCross = "orders that cross each other"
    case hostile = "hostile text in an argument"
    case closing = "an order that only reduces"
  }

  var kind: Kind
  var tool: String
  var arguments: JSONObject
}

/// Prices of the paper exchange, read through the gateway's own allowed tool.
struct DemoPrices: Sendable {
  var bid: ExactDecimal
  var ask: ExactDecimal

  static func read(_ symbol: String, _ agent: DemoAgent) async throws -> DemoPrices {
    let result = try await agent.call(
      "getTickers", ["category": "linear", "symbol": .string(symbol)])
    guard let text = result.texts.first,
      let reply = try? JSONParser.parse(text.utf8, limits: .peer),
      let row = reply["result"]?["list"]?.arrayValue?.first,
      let bid = row["bid1Price"]?.stringValue.flatMap({ ExactDecimal($0) }),
      let ask = row["ask1Price"]?.stringValue.flatMap({ ExactDecimal($0) })
    else { throw Failure(Failure.unreachable, "the demo's exchange has no price of \(symbol)") }
    return DemoPrices(bid: bid, ask: ask)
  }
}

extension DemoBatch {
  /// - Parameters:
  ///   - last: The arguments to repeat, for a duplicate.
  ///   - turn: Sizes differ from turn to turn: an agent that repeats itself is a loop.
  static func make(
    _ kind: Kind, _ agent: DemoAgent, last: JSONObject?, turn: Int = 0
  ) async throws -> DemoBatch {
    switch kind {
    case .pair:
      let btc = try await DemoPrices.read("BTCUSDT", agent)
      return batch(
        kind,
        [
          // A little above the best price, so that it trades even when the market moves meanwhile.
          leg("BTCUSDT", "Buy", "0.0\(10 + turn * 3 % 17)", price: try btc.ask + "20"),
          leg("ETHUSDT", "Sell", "0.\(50 + turn * 7 % 23)", price: nil),
        ])
    case .ladder:
      let sol = try await DemoPrices.read("SOLUSDT", agent)
      let legs = try [ExactDecimal("0.50"), "1.00", "1.50"].map { step in
        leg(
          "SOLUSDT", "Buy", "5.\(turn * 3 % 10)", price: try sol.bid - step, timeInForce: "PostOnly"
        )
      }
      return batch(kind, legs)
    case .duplicate:
      return DemoBatch(kind: kind, tool: "wsBatchCreateOrders", arguments: last ?? JSONObject())
    case .fatFinger:
      let btc = try await DemoPrices.read("BTCUSDT", agent)
      return batch(kind, [leg("BTCUSDT", "Buy", "2.500", price: btc.ask)])
    case .selfCross:
      let xrp = try await DemoPrices.read("XRPUSDT", agent)
      return batch(
        kind,
        [
          leg("XRPUSDT", "Buy", "100", price: xrp.ask),
          leg("XRPUSDT", "Sell", "100", price: xrp.bid),
        ])
    case .hostile:
      let text = "\u{1B}[2J\u{1B}]0;approved\u{7}\u{202E}evorppa\u{202C}\r OK \u{200B}"
      return DemoBatch(
        kind: kind, tool: "setLeverage",
        arguments: [
          "category": "linear", "symbol": .string(text), "buyLeverage": "20", "sellLeverage": "20",
        ])
    case .closing:
      var close = leg("ETHUSDT", "Buy", "0.\(50 + turn * 7 % 23)", price: nil)
      close["reduceOnly"] = true
      return batch(kind, [close])
    }
  }

  private static func batch(_ kind: Kind, _ legs: [JSONObject]) -> DemoBatch {
    DemoBatch(
      kind: kind, tool: "wsBatchCreateOrders",
      arguments: [
        "category": "linear", "request": .array(legs.map(JSONValue.object)),
      ])
  }

  private static func leg(
    _ symbol: Text, _ side: Text, _ quantity: String, price: ExactDecimal?,
    timeInForce: Text = "GTC"
  ) -> JSONObject {
    JSONObject(compact: [
      "symbol": .string(symbol), "side": .string(side),
      "orderType": price == nil ? "Market" : "Limit", "qty": .string(quantity),
      "price": price.map { .decimal($0) },
      "timeInForce": price == nil ? nil : .string(timeInForce),
    ])
  }
}

extension DemoWorld {
  /// A varied stream of proposals until cancelled; each waits for its outcome on its own.
  func proposeForEver() async {
    await withDiscardingTaskGroup { group in
      var ladder: JSONObject?
      var turn = 0
      while !Task.isCancelled {
        let kinds = DemoBatch.Kind.allCases
        let kind = kinds[turn % kinds.count]
        turn += 1
        if let agent = try? DemoAgent(url: agentsURL, token: token),
          (try? await agent.connect()) != nil,
          let batch = try? await DemoBatch.make(kind, agent, last: ladder, turn: turn)
        {
          if kind == .ladder { ladder = batch.arguments }
          group.addTask { _ = try? await agent.callToTheEnd(batch.tool, batch.arguments) }
        }
        guard (try? await Task.sleep(for: .seconds(turn < 4 ? 3 : 12))) != nil else { return }
      }
    }
  }
}

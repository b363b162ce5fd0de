import Foundation
import JSON
import MCP
import Policy
import Time

/// What one decision of a policy with 382 tools and ten conditions costs, beside parsing its call.
enum PolicyCost {
  private static let rounds = 31
  private static let blockTime = Duration.milliseconds(10)
  private static let tool: Text = "wsBatchCreateOrders"

  /// Prints `{"legs": {"parse": [ns], "judge": [ns]}}` for calls of one and of ten legs.
  static func report(catalogue: String) throws {
    let catalogue = try ToolCatalogue.parse([UInt8](Data(contentsOf: URL(filePath: catalogue))))
    let policy = try Policy.parse(document(catalogue.tools.map(\.name)), catalogue: catalogue)
    var all = JSONObject()
    for legs in [1, 10] { all[Text(String(legs))] = try costs(policy, legs) }
    print(JSONWriter.text(of: .object(all)))
  }

  // MARK: Measuring

  private static func costs(_ policy: Policy, _ legs: Int) throws -> JSONValue {
    let bytes = message(legs)
    let call = try Self.call(bytes)
    let now = Timestamp(milliseconds: 1_800_000_000_000)
    guard policy.judge(call, at: now).decision == .hold else {
      preconditionFailure("the call must reach the last rule")
    }
    var parse: [Double] = []
    var judge: [Double] = []
    var seen = 0
    for _ in 0..<rounds {
      parse.append(try nanoseconds { seen &+= try Self.call(bytes).arguments.count })
      judge.append(
        nanoseconds { seen &+= policy.judge(call, at: now).rule.utf8.count })
    }
    // What was computed is used, so that none of it can be left out.
    return [
      "bytes": .int(bytes.count), "parse": numbers(parse), "judge": numbers(judge),
      "checksum": .int(seen & 0xFFFF),
    ]
  }

  /// What a call costs on the way in: the message, and the call in it.
  private static func call(_ bytes: [UInt8]) throws -> Call {
    guard case .request(let request) = try RPCMessage.decode(bytes, limits: .agent) else {
      preconditionFailure("the message is a request")
    }
    let call = try ToolCall(params: request.params)
    return Call(tool: call.name, arguments: call.arguments, agent: "alpha")
  }

  /// The mean of as many runs as fit into a block.
  private static func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var count = 0.0
    while clock.now - start < blockTime {
      for _ in 0..<50 { try body() }
      count += 50
    }
    return (clock.now - start) / .nanoseconds(1) / count
  }

  private static func numbers(_ all: [Double]) -> JSONValue {
    .array(all.map { .int(Int($0.rounded())) })
  }

  // MARK: What is judged

  private static func document(_ names: [Text]) -> [UInt8] {
    var tools = JSONObject()
    for name in names { tools[name] = ["action": "hold"] }
    // None of the ten holds, so each is asked.
    tools[tool] = [
      "action": "hold",
      "deny_if": .array(
        conditions.map { one in
          ["conditions": .array([one]), "on_deny": "Outside of the desk's limits."]
        }),
    ]
    return JSONWriter.bytes(of: [
      "version": "1", "default": "deny", "catalogue": "bybit.json", "tools": .object(tools),
    ])
  }

  private static let conditions: [JSONValue] = [
    ["path": "args.category", "op": "neq", "value": "linear"],
    [
      "path": "args.request[*].symbol", "op": "not_in", "value": ["BTCUSDT", "ETHUSDT", "SOLUSDT"],
    ],
    ["path": "args.request[*].qty", "op": "gt", "value": 5],
    ["path": "args.request[*].qty", "op": "lte", "value": 0],
    ["path": "args.request[*].price", "op": "lt", "value": 1000],
    ["path": "args.request[*].price", "op": "gte", "value": 250_000],
    ["path": "args.request[*].timeInForce", "op": "eq", "value": "IOC"],
    ["path": "args.request[*].triggerPrice", "op": "exists", "value": true],
    ["path": "args.request[0].side", "op": "eq", "value": "Short"],
    ["path": "agent.name", "op": "eq", "value": "omega"],
  ]

  private static func message(_ legs: Int) -> [UInt8] {
    let request = (0..<legs).map { number -> JSONValue in
      [
        "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.010",
        "price": .string(Text("\(60_000 - 10 * number).50")), "timeInForce": "PostOnly",
        "orderLinkId": .string(Text("alpha-2026-11-26-\(number)")),
      ]
    }
    return JSONWriter.bytes(of: [
      "jsonrpc": "2.0", "id": 7, "method": "tools/call",
      "params": [
        "name": .string(tool),
        "arguments": ["category": "linear", "request": .array(request)],
      ],
    ])
  }
}

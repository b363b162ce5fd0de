package import JSON
import Time

/// A call as the policy sees it.
package struct Call: Hashable, Sendable {
  package let tool: Text
  package let arguments: JSONObject
  /// The name that the agent signed in with.
  package let agent: Text
  /// What the gateway knows besides: one object for each of `client`, `server`, `session`,
  /// `order` and `risk`, with the members of `CallFact.all`. What is missing cannot be computed.
  package let facts: JSONObject

  package init(
    tool: Text, arguments: JSONObject, agent: Text, facts: JSONObject = JSONObject()
  ) {
    self.tool = tool
    self.arguments = arguments
    self.agent = agent
    self.facts = facts
  }
}

/// What a condition is judged by: the call, what the catalogue says about its tool, the moment, and the
/// zones that the document names.
struct Scene {
  let call: Call
  let tool: JSONObject
  let now: Timestamp
  let zones: [Text: ZoneRules]
}

/// A path besides `args.…`: what it stands for, and what may follow it.
package struct CallFact: Hashable, Sendable {
  package enum Shape: Hashable, Sendable {
    case value
    /// An array: `[*]` or `[0]` follows, or nothing for `contains`.
    case list
    /// A member of any name follows, such as a currency.
    case byName
    /// An array of objects: `[*]` or `[0]` and one of these follow.
    case rows(Set<Text>)
  }

  package let root: Text
  package let name: Text
  package let shape: Shape
  package let words: String

  private init(_ path: String, _ words: String) { self.init(path, .value, words) }

  private init(_ path: String, _ shape: Shape, _ words: String) {
    let parts = path.split(separator: ".")
    root = Text(parts[0])
    name = Text(parts[1])
    self.shape = shape
    self.words = words
  }

  /// Every fact there is. A path that is none of them is an error of the document.
  package static let all: [CallFact] = [
    CallFact("agent.name", "the name that the agent signed in with"),
    CallFact("client.name", "what the agent's program calls itself; it may lie"),
    CallFact("server.name", "the upstream's name in the configuration"),
    CallFact("tool.name", "the name of the tool that is called"),
    CallFact("tool.group", "the part of the server that it belongs to, by the catalogue"),
    CallFact(
      "tool.category",
      "`Read`, `Write`, `Execute`, `Destructive` or `Financial`, by the catalogue"),
    CallFact("tool.severity", "`low`, `medium`, `high` or `critical`, by the catalogue"),
    CallFact("session.id", "the agent's MCP session; an agent without one has none"),
    CallFact("session.calls", "how many calls came in it before this one"),
    CallFact("session.age", "how many seconds ago it began"),
    CallFact("order.category", "`linear` and the like"),
    CallFact("order.legs", "how many legs the batch has"),
    CallFact("order.market_legs", "how many of them are market orders"),
    CallFact("order.symbols", .list, "the symbols, each once, in the order of the legs"),
    CallFact("order.sides", .list, "`Buy` and `Sell`, each once"),
    CallFact("order.reduce_only", "whether every leg only reduces"),
    CallFact("order.estimated", "whether any leg's worth is an estimate"),
    CallFact("order.notional", .byName, "gross worth in a currency: `order.notional.USDT`"),
    CallFact("order.buy", .byName, "worth of the buying legs in a currency"),
    CallFact("order.sell", .byName, "worth of the selling legs in a currency"),
    CallFact("order.net", .byName, "buying less selling legs in a currency"),
    CallFact("order.largest_leg", .byName, "worth of the largest leg in a currency"),
    CallFact(
      "order.by_symbol",
      .rows(["symbol", "currency", "notional", "legs", "buy_qty", "sell_qty"]),
      "one row for each symbol: `order.by_symbol[*].notional`"),
    CallFact("risk.max_severity", "`PASS`, `NOTE`, `WARN`, `UNCHECKED`, `HIGH` or `BLOCK`"),
    CallFact("risk.fired", .list, "the ids of the rules that fired: `contains` `\"B08\"`"),
    CallFact("risk.unchecked", "how many checks could not be made"),
    CallFact("time.now", "only with `within`"),
  ]
}

import JSON
import MCP

/// A tool and what calling it does.
struct Tool: Sendable {
  enum Action: Sendable {
    /// One command on the trade stream.
    case trade(operation: Text)
    /// Collects frames of a private topic.
    case watch(topic: String)
    /// Starts, reads, lists or stops a subscription that outlives its call.
    case subscription(SubscriptionStep)
    /// A signed POST; never repeated.
    case send(path: String)
    /// A GET.
    case read(path: String, isSigned: Bool)
  }

  let name: Text
  let description: Text
  let fields: [Field]
  let action: Action

  var definition: JSONValue {
    [
      "name": .string(name), "description": .string(description),
      "inputSchema": .object(Field.schema(of: fields)),
    ]
  }

  static let all =
    orders + orderPosts + positionPosts + strategyPosts + spreadPosts + watches + subscriptions
    + market + account
  static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}

// MARK: Orders

extension Tool {
  static let warning: Text = "It acts on a real account; ask the user before calling it."

  private static let orders: [Tool] = [
    Tool(
      name: "wsCreateOrder",
      description: "Places one order over the trade WebSocket. \(warning)",
      fields: [category] + leg + [.flag("rpiTakerAccess")],
      action: .trade(operation: "order.create")),
    Tool(
      name: "wsBatchCreateOrders",
      description: """
        Places up to 20 orders of one category (10 for spot) in one trade WebSocket request. Each \
        leg succeeds or fails by itself. \(warning)
        """,
      fields: [category, .list("request", of: leg, least: 1, most: 20)],
      action: .trade(operation: "order.create-batch")),
    Tool(
      name: "wsAmendOrder",
      description: "Changes one open order over the trade WebSocket. \(warning)",
      fields: [category] + amendment, action: .trade(operation: "order.amend")),
    Tool(
      name: "wsBatchAmendOrders",
      description: "Changes up to 20 open orders of one category at once. \(warning)",
      fields: [category, .list("request", of: amendment, least: 1, most: 20)],
      action: .trade(operation: "order.amend-batch")),
    Tool(
      name: "wsCancelOrder", description: "Cancels one open order over the trade WebSocket.",
      fields: [category] + cancellation, action: .trade(operation: "order.cancel")),
    Tool(
      name: "wsBatchCancelOrders",
      description: "Cancels up to 20 open orders of one category at once.",
      fields: [category, .list("request", of: cancellation, least: 1, most: 20)],
      action: .trade(operation: "order.cancel-batch")),
  ]

  static let categories: [Text] = ["spot", "linear", "inverse", "option"]
  static let prices: [Text] = ["LastPrice", "IndexPrice", "MarkPrice"]
  static let orderTypes: [Text] = ["Market", "Limit"]
  static let filters: [Text] = ["Order", "tpslOrder", "StopOrder"]
  static let category = Field.choice("category", categories, required: true)

  private static let leg: [Field] = [
    .text("symbol", required: true), .numbers("isLeverage", [0, 1]),
    .choice("side", ["Buy", "Sell"], required: true),
    .choice("orderType", orderTypes, required: true), .text("qty", required: true),
    .choice("marketUnit", ["baseCoin", "quoteCoin"]), .text("price"),
    .numbers("triggerDirection", [1, 2]), .choice("orderFilter", filters), .text("triggerPrice"),
    .choice("triggerBy", prices), .text("orderIv"),
    .choice("timeInForce", ["GTC", "IOC", "FOK", "PostOnly"]),
    .numbers("positionIdx", [0, 1, 2]), .text("orderLinkId", longest: 36), .text("takeProfit"),
    .text("stopLoss"), .choice("tpTriggerBy", prices), .choice("slTriggerBy", prices),
    .flag("reduceOnly"), .flag("closeOnTrigger"), .text("smpType"), .flag("mmp"),
    .choice("tpslMode", ["Full", "Partial"]), .text("tpLimitPrice"), .text("slLimitPrice"),
    .choice("tpOrderType", orderTypes), .choice("slOrderType", orderTypes),
  ]

  private static let amendment: [Field] = [
    .text("symbol", required: true), .text("orderId"), .text("orderLinkId"), .text("orderIv"),
    .text("triggerPrice"), .text("qty"), .text("price"), .choice("tpslMode", ["Full", "Partial"]),
    .text("takeProfit"), .text("stopLoss"), .choice("tpTriggerBy", prices),
    .choice("slTriggerBy", prices), .choice("triggerBy", prices), .text("tpLimitPrice"),
    .text("slLimitPrice"),
  ]

  private static let cancellation: [Field] = [
    .text("symbol", required: true), .text("orderId"), .text("orderLinkId"),
    .choice("orderFilter", filters),
  ]
}

// MARK: Watching

extension Tool {
  private static let watches: [Tool] = [
    Tool(
      name: "subscribeOrder",
      description: "Collects order updates of the account for a while and returns them.",
      fields: watchFields, action: .watch(topic: "order")),
    Tool(
      name: "subscribeExecution",
      description: "Collects executions of the account for a while and returns them.",
      fields: watchFields, action: .watch(topic: "execution")),
    Tool(
      name: "subscribeExecutionFast",
      description: "Collects trades of the account, sooner and with less in them.",
      fields: patience, action: .watch(topic: "execution.fast")),
    Tool(
      name: "subscribePosition", description: "Collects changes of positions.",
      fields: [.choice("category", ["linear", "inverse", "option"])] + patience,
      action: .watch(topic: "position")),
    Tool(
      name: "subscribeWallet", description: "Collects changes of balances.", fields: patience,
      action: .watch(topic: "wallet")),
  ]

  private static let patience: [Field] = [
    .whole("messageCount", least: 1, standard: 1), .whole("timeoutMs", least: 100, standard: 5000),
  ]
  private static let watchFields = [Field.choice("category", categories)] + patience

  private static let subscriptions: [Tool] = [
    Tool(
      name: "startSubscription",
      description: "Subscribes to a topic until it is stopped or nobody reads it for 5 minutes.",
      fields: [
        .choice(
          "category", ["linear", "spot", "inverse", "option", "private", "spread", "misc"],
          required: true), .text("topic", required: true), .flag("requiresAuth", standard: false),
        .whole("maxMessages", least: 1, most: 5000, standard: 500),
      ], action: .subscription(.start)),
    Tool(
      name: "readMessages", description: "The messages that a subscription has kept.",
      fields: [
        .text("subscriptionId", required: true), .whole("limit", least: 1),
        .flag("clearAfterRead", standard: true),
      ], action: .subscription(.read)),
    Tool(
      name: "listSubscriptions", description: "The subscriptions that run.", fields: [],
      action: .subscription(.list)),
    Tool(
      name: "stopSubscription", description: "Ends a subscription.",
      fields: [.text("subscriptionId", required: true)], action: .subscription(.stop)),
  ]
}

// MARK: Reading

extension Tool {
  private static let market: [Tool] = [
    Tool(
      name: "getTickers", description: "Latest prices and 24 h figures of one or all symbols.",
      fields: [category, .text("symbol"), .text("baseCoin"), .text("expDate")],
      action: .read(path: "/v5/market/tickers", isSigned: false)),
    Tool(
      name: "getInstrumentsInfo", description: "Tick size, lot size and state of instruments.",
      fields: [
        category, .text("symbol"), .choice("status", ["Trading", "PreLaunch", "Delivering"]),
        .text("baseCoin"), .whole("limit", least: 1, most: 1000, standard: 500), .text("cursor"),
        .choice("symbolType", ["linear", "option", "spot", "xstocks", "stock", "commodity"]),
      ],
      action: .read(path: "/v5/market/instruments-info", isSigned: false)),
    Tool(
      name: "getOrderPriceLimit", description: "The highest buy and the lowest sell price.",
      fields: [
        .choice("category", ["spot", "linear", "inverse"], standard: "linear"),
        .text("symbol", required: true),
      ], action: .read(path: "/v5/market/price-limit", isSigned: false)),
    Tool(
      name: "getOrderbook", description: "The order book of one symbol.",
      fields: [category, .text("symbol", required: true), .whole("limit", least: 1, most: 1000)],
      action: .read(path: "/v5/market/orderbook", isSigned: false)),
  ]

  private static let anyFilter = Field.choice(
    "orderFilter", ["Order", "StopOrder", "tpslOrder", "OcoOrder", "BidirectionalTpslOrder"])

  private static let orderSelection: [Field] = [
    category, .text("symbol"), .text("baseCoin"), .text("settleCoin"), .text("orderId"),
    .text("orderLinkId"),
  ]

  private static let page: [Field] = [
    .whole("limit", least: 1, most: 50, standard: 20), .text("cursor"),
  ]

  private static let account: [Tool] = [
    Tool(
      name: "getOpenOrders", description: "Open orders, and on request recently closed ones.",
      fields: orderSelection + [.choice("openOnly", ["0", "1"], standard: "0"), anyFilter] + page,
      action: .read(path: "/v5/order/realtime", isSigned: true)),
    Tool(
      name: "getOrderHistory", description: "Closed orders.",
      fields: orderSelection
        + [anyFilter, .text("orderStatus"), .whole("startTime"), .whole("endTime")] + page,
      action: .read(path: "/v5/order/history", isSigned: true)),
    Tool(
      name: "getPositionInfo", description: "Open positions.",
      fields: [
        .choice("category", ["linear", "inverse", "option"], required: true), .text("symbol"),
        .text("baseCoin"), .text("settleCoin"),
        .whole("limit", least: 1, most: 200, standard: 20), .text("cursor"),
      ],
      action: .read(path: "/v5/position/list", isSigned: true)),
    Tool(
      name: "getWalletBalance", description: "Balances of the account.",
      fields: [.choice("accountType", ["UNIFIED"], required: true), .text("coin")],
      action: .read(path: "/v5/account/wallet-balance", isSigned: true)),
    Tool(
      name: "queryAPIKey", description: "What the API key in use may do.", fields: [],
      action: .read(path: "/v5/user/query-api", isSigned: true)),
  ]
}

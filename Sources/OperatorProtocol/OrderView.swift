package import Decimals
package import JSON
package import Time

/// Where one approved leg stands at the exchange.
package enum LegStatus: String, CaseIterable, Sendable {
  case waiting, acked, working
  case partFilled = "part_filled"
  case filled, cancelled, rejected, unknown
  /// A person established what became of it, or the exchange does not know it any more; the words say
  /// who and what.
  case resolved

  package var isFinal: Bool {
    switch self {
    case .filled, .cancelled, .rejected, .resolved: true
    case .waiting, .acked, .working, .partFilled, .unknown: false
    }
  }
}

/// What a leg does to its order.
package enum LegKind: String, CaseIterable, Sendable { case create, amend, cancel }

/// One value of an order that an amendment replaces, as text.
package struct FieldChange: Hashable, Sendable {
  package var key: Text
  /// Nil where the order, or this value of it, is not known.
  package var old: Text?
  /// Exactly as it will be sent.
  package var new: Text

  package init(key: Text, old: Text?, new: Text) {
    self.key = key
    self.old = old
    self.new = new
  }
}

extension FieldChange: JSONConvertible {
  package var json: JSONValue {
    .compact(["key": .string(key), "old": old.map { .string($0) }, "new": .string(new)])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      key: try json.member("key").text(),
      old: try json.maybe("old") { old throws(JSONError) in try old.text() },
      new: try json.member("new").text())
  }
}

/// What one leg of a held amendment or cancellation does to which order.
package struct ChangeView: Hashable, Sendable {
  /// From 1.
  package var leg: Int
  package var kind: LegKind
  package var symbol: Text
  /// Empty where the call names the order by its link id alone.
  package var orderID: Text
  package var orderLinkID: Text
  /// The order as the exchange showed it last. Nil: it is not known here.
  package var order: LegView?
  /// Empty for a cancellation.
  package var fields: [FieldChange]

  package init(
    leg: Int, kind: LegKind, symbol: Text, orderID: Text, orderLinkID: Text, order: LegView?,
    fields: [FieldChange]
  ) {
    self.leg = leg
    self.kind = kind
    self.symbol = symbol
    self.orderID = orderID
    self.orderLinkID = orderLinkID
    self.order = order
    self.fields = fields
  }
}

extension ChangeView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "leg": .int(leg), "kind": .string(kind.rawValue), "symbol": .string(symbol),
      "order_id": .string(orderID), "order_link_id": .string(orderLinkID), "order": order?.json,
      "fields": .array(fields.map(\.json)),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      leg: try json.member("leg").int(), kind: try json.member("kind").one(of: LegKind.self),
      symbol: try json.member("symbol").text(), orderID: try json.member("order_id").text(),
      orderLinkID: try json.member("order_link_id").text(),
      order: try json.maybe("order") { order throws(JSONError) in try LegView(json: order) },
      fields: try json.list("fields") { one throws(JSONError) in try FieldChange(json: one) })
  }
}

/// Which approved leg the exchange made an order from, by itself.
package struct LegOrigin: Hashable, Sendable {
  package var batch: BatchID
  /// From 1.
  package var leg: Int
  /// The exchange's word for what it is, such as `TakeProfit`.
  package var kind: Text

  package init(batch: BatchID, leg: Int, kind: Text) {
    self.batch = batch
    self.leg = leg
    self.kind = kind
  }
}

extension LegOrigin: JSONConvertible {
  package var json: JSONValue {
    ["batch": .string(batch.text), "leg": .int(leg), "kind": .string(kind)]
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      batch: try json.member("batch").batchID(), leg: try json.member("leg").int(),
      kind: try json.member("kind").text())
  }
}

/// One leg of a dispatched batch, or an order that was made elsewhere.
package struct LegView: Hashable, Sendable {
  /// Nil for an order that is no leg of a batch.
  package var batch: BatchID?
  /// From 1; 0 for an order that is no leg.
  package var leg: Int
  package var agent: Text
  package var orderLinkID: Text
  package var orderID: Text
  package var symbol: Text
  package var side: Text
  package var orderType: Text
  package var quantity: ExactDecimal
  /// Nil for a market order.
  package var price: ExactDecimal?
  package var status: LegStatus
  package var filled: ExactDecimal
  package var averagePrice: ExactDecimal?
  /// The sum where all fees are of one coin, else zero: `feesByCoin` has them all.
  package var fees: ExactDecimal
  /// The exchange's code and words for a rejection or cancellation.
  package var words: String
  package var updatedAt: Timestamp

  package var kind = LegKind.create
  /// Empty where it is not known.
  package var category: Text = ""
  /// Empty where the order does not say.
  package var timeInForce: Text = ""
  package var reduceOnly = false
  /// The order waits for this price.
  package var triggerPrice: ExactDecimal?
  package var takeProfit: ExactDecimal?
  package var stopLoss: ExactDecimal?
  /// What the leg would about have paid when it was approved: the other side of the book then.
  package var arrivalPrice: ExactDecimal?
  /// How much worse than `arrivalPrice` the average is, in basis points; negative is better.
  package var slippageBps: ExactDecimal?
  /// By coin; negative for a rebate.
  package var feesByCoin: [Text: ExactDecimal] = [:]
  /// Of an amendment: what it replaces.
  package var changes: [FieldChange] = []
  /// Of an exit that an approved leg asked for: that leg. An order with neither batch nor origin was
  /// made elsewhere.
  package var origin: LegOrigin?

  package init(
    batch: BatchID?, leg: Int, agent: Text, orderLinkID: Text, orderID: Text, symbol: Text,
    side: Text, orderType: Text, quantity: ExactDecimal, price: ExactDecimal?, status: LegStatus,
    filled: ExactDecimal, averagePrice: ExactDecimal?, fees: ExactDecimal, words: String,
    updatedAt: Timestamp
  ) {
    self.batch = batch
    self.leg = leg
    self.agent = agent
    self.orderLinkID = orderLinkID
    self.orderID = orderID
    self.symbol = symbol
    self.side = side
    self.orderType = orderType
    self.quantity = quantity
    self.price = price
    self.status = status
    self.filled = filled
    self.averagePrice = averagePrice
    self.fees = fees
    self.words = words
    self.updatedAt = updatedAt
  }
}

extension LegView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "batch": batch.map { .string($0.text) }, "leg": .int(leg), "agent": .string(agent),
      "order_link_id": .string(orderLinkID), "order_id": .string(orderID),
      "symbol": .string(symbol), "side": .string(side), "order_type": .string(orderType),
      "quantity": .decimal(quantity), "price": price.map { .decimal($0) },
      "status": .string(status.rawValue), "filled": .decimal(filled),
      "average_price": averagePrice.map { .decimal($0) }, "fees": .decimal(fees),
      "words": .string(words), "updated_at": .timestamp(updatedAt), "kind": .string(kind.rawValue),
      "category": .string(category), "time_in_force": .string(timeInForce),
      "reduce_only": .bool(reduceOnly), "trigger_price": triggerPrice.map { .decimal($0) },
      "take_profit": takeProfit.map { .decimal($0) }, "stop_loss": stopLoss.map { .decimal($0) },
      "arrival_price": arrivalPrice.map { .decimal($0) },
      "slippage_bps": slippageBps.map { .decimal($0) },
      "fees_by_coin": .object(Self.object(feesByCoin)),
      "changes": changes.isEmpty ? nil : .array(changes.map(\.json)), "origin": origin?.json,
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      batch: try json.maybe("batch") { id throws(JSONError) in try id.batchID() },
      leg: try json.member("leg").int(), agent: try json.member("agent").text(),
      orderLinkID: try json.member("order_link_id").text(),
      orderID: try json.member("order_id").text(), symbol: try json.member("symbol").text(),
      side: try json.member("side").text(), orderType: try json.member("order_type").text(),
      quantity: try json.member("quantity").decimal(),
      price: try json.maybe("price") { price throws(JSONError) in try price.decimal() },
      status: try json.member("status").one(of: LegStatus.self),
      filled: try json.member("filled").decimal(),
      averagePrice: try json.maybe("average_price") { price throws(JSONError) in
        try price.decimal()
      }, fees: try json.member("fees").decimal(), words: try json.member("words").string(),
      updatedAt: try json.member("updated_at").timestamp())
    try readDetails(json)
  }

  private static func object(_ amounts: [Text: ExactDecimal]) -> JSONObject {
    var object = JSONObject()
    for (coin, amount) in amounts.sorted(by: { $0.key < $1.key }) {
      object[coin] = .decimal(amount)
    }
    return object
  }

  private mutating func readDetails(_ json: JSONCursor) throws(JSONError) {
    kind = try json.maybe("kind") { one throws(JSONError) in try one.one(of: LegKind.self) } ?? kind
    category = try json.optional("category")?.text() ?? category
    timeInForce = try json.optional("time_in_force")?.text() ?? timeInForce
    reduceOnly = try json.optional("reduce_only")?.bool() ?? reduceOnly
    triggerPrice = try json.price("trigger_price")
    takeProfit = try json.price("take_profit")
    stopLoss = try json.price("stop_loss")
    arrivalPrice = try json.price("arrival_price")
    slippageBps = try json.price("slippage_bps")
    for (coin, fee) in try json.optional("fees_by_coin")?.members() ?? [] {
      feesByCoin[coin] = try fee.decimal()
    }
    for one in try json.optional("changes")?.elements() ?? [] {
      changes.append(try FieldChange(json: one))
    }
    origin = try json.maybe("origin") { one throws(JSONError) in try LegOrigin(json: one) }
  }
}

extension JSONCursor {
  fileprivate func price(_ key: Text) throws(JSONError) -> ExactDecimal? {
    try maybe(key) { price throws(JSONError) in try price.decimal() }
  }
}

/// One execution.
package struct FillView: Hashable, Sendable {
  package var execID: Text
  package var batch: BatchID?
  package var leg: Int
  package var agent: Text
  package var orderLinkID: Text
  package var symbol: Text
  package var side: Text
  package var price: ExactDecimal
  package var quantity: ExactDecimal
  package var fee: ExactDecimal
  package var isMaker: Bool
  package var time: Timestamp
  /// The coin of `fee`; empty where it is not known.
  package var feeCoin: Text = ""

  package init(
    execID: Text, batch: BatchID?, leg: Int, agent: Text, orderLinkID: Text, symbol: Text,
    side: Text, price: ExactDecimal, quantity: ExactDecimal, fee: ExactDecimal, isMaker: Bool,
    time: Timestamp
  ) {
    self.execID = execID
    self.batch = batch
    self.leg = leg
    self.agent = agent
    self.orderLinkID = orderLinkID
    self.symbol = symbol
    self.side = side
    self.price = price
    self.quantity = quantity
    self.fee = fee
    self.isMaker = isMaker
    self.time = time
  }
}

extension FillView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "exec_id": .string(execID), "batch": batch.map { .string($0.text) }, "leg": .int(leg),
      "agent": .string(agent), "order_link_id": .string(orderLinkID), "symbol": .string(symbol),
      "side": .string(side), "price": .decimal(price), "quantity": .decimal(quantity),
      "fee": .decimal(fee), "is_maker": .bool(isMaker), "time": .timestamp(time),
      "fee_coin": .string(feeCoin),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      execID: try json.member("exec_id").text(),
      batch: try json.maybe("batch") { id throws(JSONError) in try id.batchID() },
      leg: try json.member("leg").int(), agent: try json.member("agent").text(),
      orderLinkID: try json.member("order_link_id").text(),
      symbol: try json.member("symbol").text(), side: try json.member("side").text(),
      price: try json.member("price").decimal(), quantity: try json.member("quantity").decimal(),
      fee: try json.member("fee").decimal(), isMaker: try json.member("is_maker").bool(),
      time: try json.member("time").timestamp())
    feeCoin = try json.optional("fee_coin")?.text() ?? feeCoin
  }
}

import Decimals
import Exchange
import JSON

/// Reads the bodies of requests about orders. Amounts are strings on this interface; numbers that the
/// REST and the WebSocket forms spell differently are taken as either.
enum OrderBody {
  /// Fields of the real exchange that this one does not carry out. Anything but a neutral value is
  /// refused, so that nobody trusts a protection that is not there.
  private static let unsupported: [Text] = ["mmp", "bboSideType", "bboLevel", "rpiTakerAccess"]
  private static let neutral: Set<JSONValue> = [
    .null, "", "0", 0, false, "None", "UNKNOWN",
  ]

  static func category(_ body: JSONCursor) throws -> Category {
    try body.member("category").one(of: Category.self)
  }

  static func order(_ body: JSONCursor, _ category: Category) throws -> OrderRequest {
    try refuseUnsupported(body)
    let type = try body.member("orderType").one(of: OrderType.self)
    var request = OrderRequest(
      category: category, symbol: try body.member("symbol").text(),
      side: try body.member("side").one(of: Side.self), type: type,
      quantity: try amount(body.member("qty")),
      // A market order's price is not read at all.
      price: type == .limit ? try price(body, "price") : nil,
      timeInForce: try given(body, "timeInForce")?.one(of: TimeInForce.self),
      reduceOnly: try body.optional("reduceOnly")?.bool() ?? false,
      closeOnTrigger: try body.optional("closeOnTrigger")?.bool() ?? false,
      linkID: try body.optional("orderLinkId")?.text() ?? "",
      positionIndex: try number(body, "positionIdx") ?? 0)
    request.isLeverage = try number(body, "isLeverage") == 1
    request.marketUnit = try given(body, "marketUnit")?.one(of: MarketUnit.self)
    request.slippage = try slippage(body)
    request.filter = try given(body, "orderFilter")?.one(of: OrderFilter.self) ?? .order
    request.triggerPrice = try price(body, "triggerPrice")
    request.triggerDirection = try direction(body)
    request.triggerBy = try triggerBy(body, "triggerBy")
    request.exits = try exits(body)
    request.selfMatch = try given(body, "smpType")?.one(of: SelfMatch.self) ?? .none
    request.orderIv = try price(body, "orderIv")
    return request
  }

  static func amend(_ body: JSONCursor, _ category: Category) throws -> AmendRequest {
    var request = AmendRequest(
      try name(body, category), quantity: try given(body, "qty").map { try amount($0) },
      price: try price(body, "price"))
    request.orderIv = try price(body, "orderIv")
    request.triggerPrice = try price(body, "triggerPrice")
    request.triggerBy = try given(body, "triggerBy")?.one(of: TriggerBy.self)
    request.takeProfit = try change(body, "takeProfit", "tp")
    request.stopLoss = try change(body, "stopLoss", "sl")
    request.exitMode = try given(body, "tpslMode")?.one(of: ExitMode.self)
    return request
  }

  /// The order that a cancel means.
  static func name(_ body: JSONCursor, _ category: Category) throws -> OrderName {
    OrderName(
      category: category, symbol: try body.member("symbol").text(),
      orderID: try given(body, "orderId")?.text(),
      linkID: try given(body, "orderLinkId")?.text())
  }

  static func cancelAll(_ body: JSONCursor) throws -> CancelAllRequest {
    var request = CancelAllRequest(
      category: try category(body), symbol: try given(body, "symbol")?.text(),
      baseCoin: try given(body, "baseCoin")?.text(),
      settleCoin: try given(body, "settleCoin")?.text(),
      filter: try given(body, "orderFilter")?.one(of: OrderFilter.self))
    if let kind = try given(body, "stopOrderType")?.text() {
      guard kind == "Stop" else {
        throw Refusal.parameter("params error: stopOrderType takes Stop only")
      }
      request.filter = .stopOrder
    }
    return request
  }

  static func tradingStop(_ body: JSONCursor) throws -> TradingStop {
    for key: Text in ["trailingStop", "activePrice"] {
      guard let value = try body.object()[key], !neutral.contains(value) else { continue }
      throw Refusal.parameter("params error: \(key) is not carried out on paper; leave it out")
    }
    let sizes = try [price(body, "tpSize"), price(body, "slSize")].compactMap { $0 }
    guard Set(sizes).count <= 1 else {
      throw Refusal.parameter("params error: tpSize must equal slSize")
    }
    return TradingStop(
      category: try category(body), symbol: try body.member("symbol").text(),
      positionIndex: try number(body, "positionIdx") ?? 0,
      mode: try given(body, "tpslMode")?.one(of: ExitMode.self) ?? .full,
      takeProfit: try change(body, "takeProfit", "tp"),
      stopLoss: try change(body, "stopLoss", "sl"), size: sizes.first)
  }

  static func leverage(_ body: JSONCursor) throws -> LeverageRequest {
    LeverageRequest(
      MarketID(try category(body), try body.member("symbol").text()),
      buy: try amount(body.member("buyLeverage")), sell: try amount(body.member("sellLeverage")))
  }

  static func positionMode(_ body: JSONCursor) throws -> PositionModeRequest {
    guard let mode = try number(body, "mode"), mode == 0 || mode == 3 else {
      throw Refusal.parameter("params error: mode takes 0 (one-way) or 3 (hedge)")
    }
    return PositionModeRequest(
      category: try category(body), symbol: try given(body, "symbol")?.text(),
      coin: try given(body, "coin")?.text(), isHedged: mode == 3)
  }

  // MARK: Parts

  private static func refuseUnsupported(_ body: JSONCursor) throws {
    let object = try body.object()
    for key in unsupported {
      guard let value = object[key], !neutral.contains(value) else { continue }
      throw Refusal.parameter("params error: \(key) is not carried out on paper; leave it out")
    }
  }

  private static func slippage(_ body: JSONCursor) throws -> Slippage? {
    guard let unit = try given(body, "slippageToleranceType"), unit.value != "UNKNOWN" else {
      return nil
    }
    return Slippage(
      try unit.one(of: Slippage.Unit.self), try amount(body.member("slippageTolerance")))
  }

  private static func direction(_ body: JSONCursor) throws -> TriggerDirection? {
    guard let value = try number(body, "triggerDirection"), value != 0 else { return nil }
    guard let direction = TriggerDirection(rawValue: value) else {
      throw Refusal.parameter("params error: triggerDirection takes 1 (rise) or 2 (fall)")
    }
    return direction
  }

  private static func triggerBy(_ body: JSONCursor, _ key: Text) throws -> TriggerBy {
    try given(body, key)?.one(of: TriggerBy.self) ?? .last
  }

  private static func exits(_ body: JSONCursor) throws -> Exits {
    Exits(
      takeProfit: try change(body, "takeProfit", "tp")?.exit,
      stopLoss: try change(body, "stopLoss", "sl")?.exit,
      mode: try given(body, "tpslMode")?.one(of: ExitMode.self) ?? .full)
  }

  /// What the body says about one exit, or nil when it says nothing. `short` is `tp` or `sl`.
  private static func change(
    _ body: JSONCursor, _ key: Text, _ short: Text
  ) throws -> ExitChange? {
    let change = ExitChange(
      trigger: try given(body, key).map { try amount($0) },
      by: try given(body, "\(short)TriggerBy")?.one(of: TriggerBy.self),
      type: try given(body, "\(short)OrderType")?.one(of: OrderType.self),
      limit: try price(body, "\(short)LimitPrice"))
    return change == ExitChange() ? nil : change
  }

  /// A price that is there and not zero.
  private static func price(_ body: JSONCursor, _ key: Text) throws -> ExactDecimal? {
    try given(body, key).map { try amount($0) }.flatMap { $0.isZero ? nil : $0 }
  }

  /// Amounts are strings on this interface; a JSON number could have lost digits on its way.
  private static func amount(_ cursor: JSONCursor) throws -> ExactDecimal {
    _ = try cursor.text()
    return try cursor.decimal()
  }

  private static func number(_ body: JSONCursor, _ key: Text) throws -> Int? {
    guard let cursor = try given(body, key) else { return nil }
    if let text = cursor.value.stringValue, let number = Int(text) { return number }
    return try cursor.int()
  }

  /// A member that is there and neither null nor an empty string.
  private static func given(_ body: JSONCursor, _ key: Text) throws -> JSONCursor? {
    try body.optional(key).flatMap { $0.value == "" || $0.value == .null ? nil : $0 }
  }
}

extension ExitChange {
  /// The exit of a new order; nothing where the trigger is zero or missing.
  fileprivate var exit: Exit? {
    guard let trigger, !trigger.isZero else { return nil }
    return Exit(trigger: trigger, by: by ?? .last, type: type ?? .market, limit: limit)
  }
}

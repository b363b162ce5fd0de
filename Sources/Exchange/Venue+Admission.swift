import Decimals
import JSON

/// The checks of a new order, in the order in which a client learns of them. Nothing changes here.
extension Venue {
  /// The order as it will stand, with the next id.
  func admit(_ request: OrderRequest, by account: AccountID) throws(Refusal) -> Order {
    let market = try market(request.market)
    let owner = try owner(account)
    guard markets[market].status == .trading else { throw .halted }
    try checkFields(of: request)
    let isHedged = owner.hedged.contains(market)
    guard isHedged ? (1...2).contains(request.positionIndex) : request.positionIndex == 0 else {
      throw .positionIndex
    }
    try check(linkID: request.linkID, of: owner)
    let timeInForce = try timeInForce(of: request)
    let trigger = try trigger(of: request, in: market)
    let slot = owner.slots[SlotKey(market: market, index: request.positionIndex)] ?? Slot()
    let amount = try amount(of: request, slot, in: market)
    let (limit, price) = try limit(
      of: request, reference: trigger?.price, owner.band(of: request.category), in: market)
    try checkExits(of: request, price, slot, in: market)
    var order = order(
      request, account, market, amount: amount, limit: limit, price: price,
      timeInForce: timeInForce)
    order.selfMatchGroup = owner.selfMatchGroup
    order.trigger = trigger
    if trigger != nil {
      order.status = .untriggered
      order.stopKind = request.filter == .tpslOrder ? .tpslOrder : .stop
      order.lastPriceOnCreated = markets[market].instrument.price(markets[market].last)
    }
    if Self.isReducing(request) {
      if trigger == nil {
        guard slot.closable(by: request.side) > 0 else { throw .reduceOnly }
      }
    } else {
      try checkNotional(order)
    }
    try checkCounts(order, owner)
    try checkFunds(order, replacing: nil, owner)
    return order
  }

  private func order(
    _ request: OrderRequest, _ account: AccountID, _ market: Int, amount: Amount, limit: Int,
    price: ExactDecimal, timeInForce: TimeInForce
  ) -> Order {
    let instrument = markets[market].instrument
    var forecast = self.ids
    let received = request.side == .buy ? instrument.baseCoin : instrument.quoteCoin
    return Order(
      id: Self.id(request.category, &forecast), request: request, account: account,
      timeInForce: timeInForce, price: price,
      quantity: request.quantity.isZero ? instrument.quantity(amount.lots) : request.quantity,
      createdAt: now, updatedAt: now, exits: request.exits, orderIv: request.orderIv,
      feeCoin: request.category == .spot ? received : instrument.settleCoin, serial: serial,
      market: market, limit: limit, lots: amount.lots, budget: amount.budget,
      step: instrument.quantityStep, averageScale: instrument.priceScale + 6)
  }

  // MARK: Fields

  private func checkFields(of request: OrderRequest) throws(Refusal) {
    func refuse(_ field: Text, unless fits: Bool) throws(Refusal) {
      guard fits else {
        throw .parameter(
          "params error: \(field) does not go with \(request.category.rawValue) \(request.type.rawValue) orders"
        )
      }
    }
    let isSpot = request.category == .spot
    let isOption = request.category == .option
    try refuse("isLeverage", unless: isSpot || !request.isLeverage)
    try refuse("marketUnit", unless: request.marketUnit == nil || isSpot && request.type == .market)
    try refuse("orderFilter", unless: isSpot || request.filter == .order)
    try refuse("reduceOnly", unless: !isSpot || !request.reduceOnly)
    try refuse("closeOnTrigger", unless: request.category.isFuture || !request.closeOnTrigger)
    try refuse("positionIdx", unless: request.category.isFuture || request.positionIndex == 0)
    try refuse("orderIv", unless: request.orderIv == nil || isOption && request.type == .limit)
    try refuse("triggerPrice", unless: request.triggerPrice == nil || !isOption)
    try refuse("slippageTolerance", unless: request.slippage == nil || request.type == .market)
    try refuse("takeProfit", unless: request.exits.isEmpty || !isOption)
    try refuse(
      "takeProfit", unless: request.exits.isEmpty || !isSpot || request.type == .limit)
    if isSpot, request.filter != .order, request.triggerPrice == nil {
      throw .parameter("params error: triggerPrice is required with orderFilter")
    }
    if isSpot, request.filter == .order, request.triggerPrice != nil {
      throw .parameter(
        "params error: a spot triggerPrice needs orderFilter tpslOrder or StopOrder")
    }
    if isOption, request.linkID.isEmpty {
      throw .parameter("params error: orderLinkId is required for options")
    }
    if Self.isReducing(request), !request.exits.isEmpty { throw .exitsNotAllowed }
  }

  private func check(linkID: Text, of owner: Account) throws(Refusal) {
    guard linkID.count <= Limits.linkIDBytes, linkID.utf8.allSatisfy(\.isLinkByte) else {
      throw .linkID
    }
    guard owner.links[linkID] == nil else { throw .duplicate }
  }

  private func timeInForce(of request: OrderRequest) throws(Refusal) -> TimeInForce {
    switch (request.type, request.timeInForce) {
    case (.limit, let given): return given ?? .gtc
    case (.market, .postOnly):
      throw .parameter("params error: a Market order cannot be PostOnly")
    case (.market, .fok): return request.category == .spot ? .ioc : .fok
    case (.market, _): return .ioc
    }
  }

  // MARK: Triggers

  private func trigger(of request: OrderRequest, in market: Int) throws(Refusal) -> Trigger? {
    guard let price = request.triggerPrice else { return nil }
    let instrument = markets[market].instrument
    guard price.isPositive, price <= instrument.maxPrice, let ticks = instrument.ticks(of: price)
    else { throw .triggerPrice }
    let current = markets[market].price(request.triggerBy)
    if request.category == .spot {
      guard request.triggerBy == .last else {
        throw .parameter("params error: spot orders trigger by LastPrice")
      }
      return Trigger(price: price, direction: ticks > current ? .rise : .fall, by: .last)
    }
    guard let direction = request.triggerDirection else {
      throw .parameter("params error: TriggerDirection invalid")
    }
    guard direction == .rise ? ticks > current : ticks < current else {
      throw .triggered(direction, price, instrument.price(current))
    }
    return Trigger(price: price, direction: direction, by: request.triggerBy)
  }

  // MARK: Amounts

  /// How much an order is for: lots, or quote coin.
  struct Amount {
    var lots = 0
    var budget: ExactDecimal?
  }

  private func amount(
    of request: OrderRequest, _ slot: Slot, in market: Int
  ) throws(Refusal) -> Amount {
    let instrument = markets[market].instrument
    let isMarket = request.type == .market
    let most = isMarket ? instrument.maxMarketQuantity : instrument.maxQuantity
    if request.category == .spot, isMarket {
      let usual = request.side == .buy ? MarketUnit.quoteCoin : .baseCoin
      if request.marketUnit ?? usual == .quoteCoin {
        return Amount(budget: try budget(request.quantity, instrument))
      }
    }
    if request.quantity.isZero, request.reduceOnly, request.closeOnTrigger {
      let whole = slot.closable(by: request.side)
      guard whole > 0, let cap = instrument.lots(of: most) else { throw .reduceOnly }
      return Amount(lots: min(whole, cap))
    }
    return Amount(lots: try lots(request.quantity, most: most, instrument))
  }

  func lots(
    _ quantity: ExactDecimal, most: ExactDecimal, _ instrument: Instrument
  ) throws(Refusal) -> Int {
    guard quantity >= instrument.minQuantity else { throw .belowMinimum }
    guard quantity <= most else {
      guard instrument.category != .spot else {
        throw Refusal(170124, "Order quantity exceeded upper limit.")
      }
      throw .tooLarge(scaled(quantity), scaled(most))
    }
    guard let lots = instrument.lots(of: quantity) else { throw .quantity }
    return lots
  }

  private func budget(
    _ amount: ExactDecimal, _ instrument: Instrument
  ) throws(Refusal) -> ExactDecimal {
    guard amount.isPositive else { throw .belowMinimum }
    guard (try? amount.isMultiple(of: instrument.quotePrecision)) == true else {
      throw Refusal(170148, "Market order amount decimal too long.")
    }
    guard let most = try? instrument.maxMarketQuantity * instrument.minPrice * 1_000_000_000_000,
      amount <= most
    else { throw Refusal(170124, "Order amount exceeded upper limit.") }
    return amount.normalized
  }

  /// The exchange prints quantities × 10⁸ in this message.
  private func scaled(_ quantity: ExactDecimal) -> String {
    (try? quantity * 100_000_000).map { $0.normalized.description } ?? quantity.description
  }

  // MARK: Prices

  /// The furthest price at which the order may trade, and the one it shows. `reference` stands for
  /// the market of an order that waits.
  func limit(
    of request: OrderRequest, reference: ExactDecimal?, _ policy: BandPolicy, in market: Int
  ) throws(Refusal) -> (ticks: Int, price: ExactDecimal) {
    let instrument = markets[market].instrument
    let band = exactly { () throws(DecimalError) in try markets[market].band() }
    let edge = request.side == .buy ? band.buy : band.sell
    if request.type == .market {
      if let reference, let ticks = instrument.ticks(of: reference) { return (ticks, reference) }
      let ticks = try marketLimit(request, edge, in: market)
      return (ticks, instrument.price(ticks))
    }
    let (ticks, price) = try limitPrice(of: request, in: market)
    if reference != nil { return (ticks, price) }
    return try banded(ticks, price, request.side, policy, in: market)
  }

  /// A limit price on the grid and within the filter; for an option also one that stands for a
  /// volatility.
  private func limitPrice(
    of request: OrderRequest, in market: Int
  ) throws(Refusal) -> (ticks: Int, price: ExactDecimal) {
    let instrument = markets[market].instrument
    var wanted = request.price
    if let iv = request.orderIv { wanted = try price(atIv: iv, in: market) }
    guard let price = wanted, price.isPositive else { throw .price }
    guard price >= instrument.minPrice, price <= instrument.maxPrice else { throw .priceRange }
    guard let ticks = instrument.ticks(of: price) else { throw .price }
    return (ticks, price)
  }

  /// Brings a price into the band, or refuses it.
  func banded(
    _ ticks: Int, _ price: ExactDecimal, _ side: Side, _ policy: BandPolicy, in market: Int
  ) throws(Refusal) -> (ticks: Int, price: ExactDecimal) {
    let instrument = markets[market].instrument
    let band = exactly { () throws(DecimalError) in try markets[market].band() }
    let edge = side == .buy ? band.buy : band.sell
    if side == .buy ? ticks <= edge : ticks >= edge { return (ticks, price) }
    if policy == .reprice { return (edge, instrument.price(edge)) }
    guard instrument.category == .spot else { throw .priceRange }
    let shown = instrument.price(edge).description
    throw side == .buy
      ? Refusal(170193, "Buy order price cannot be higher than \(shown).")
      : Refusal(170194, "Sell order price cannot be lower than \(shown).")
  }

  /// A market order is an IOC limit at the edge of the band, or nearer where it bounds its slippage.
  func marketLimit(
    _ request: OrderRequest, _ edge: Int, in market: Int
  ) throws(Refusal) -> Int {
    guard let best = markets[market].book.best(request.side.opposite) else {
      throw .noMarketPrice
    }
    guard let slippage = request.slippage else { return edge }
    let room: Int
    switch slippage.unit {
    case .ticks:
      guard slippage.amount >= 1, slippage.amount <= 10_000,
        let ticks = try? slippage.amount.isMultiple(of: 1), ticks
      else { throw .slippage }
      room = Int(slippage.amount.normalized.coefficient)
    case .percent:
      guard slippage.amount >= "0.01", slippage.amount <= 10, slippage.amount.normalized.scale <= 2
      else { throw .slippage }
      let share = exactly { () throws(DecimalError) in
        try (ExactDecimal(best.ticks) * slippage.amount)
          .divided(by: 100, scale: 0, rounding: .down)
      }
      room = Int(share.coefficient)
    }
    return request.side == .buy
      ? min(edge, best.ticks + room) : max(edge, best.ticks - room)
  }

  private func checkNotional(_ order: Order) throws(Refusal) {
    let instrument = markets[order.market].instrument
    guard instrument.minNotional.isPositive else { return }
    let reference =
      order.type == .market ? markets[order.market].markPrice : order.price
    let notional =
      order.budget ?? (try? instrument.quantity(order.lots) * reference) ?? .zero
    guard notional >= instrument.minNotional else {
      throw .belowNotional(order.category, instrument.minNotional, instrument.quoteCoin)
    }
  }

  private func checkCounts(_ order: Order, _ owner: Account) throws(Refusal) {
    let counts = owner.counts[order.market] ?? OrderCounts()
    if order.status == .untriggered {
      let most =
        order.category == .spot ? Limits.spotConditionalOrders : Limits.conditionalOrders
      guard counts.waiting < most else { throw .tooManyStops }
    } else {
      guard counts.active < Limits.openOrders else { throw .tooManyOrders }
    }
  }
}

extension Account {
  func band(of category: Category) -> BandPolicy { category == .spot ? spotBand : futuresBand }
}

extension Market {
  /// The price that a trigger watches, in ticks.
  func price(_ by: TriggerBy) -> Int {
    switch by {
    case .last: last
    case .mark: mark
    case .index: index
    }
  }
}

extension UInt8 {
  fileprivate var isLinkByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

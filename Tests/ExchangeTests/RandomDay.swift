import Decimals
import JSON
import Time

@testable import Exchange

/// Everything that three accounts and a market may do, by chance.
struct RandomDay {
  static let accounts = [AccountID(1), AccountID(2), AccountID(3)]
  static let deposits: [Text: ExactDecimal] = ["USDT": 50_000, "BTC": 1]

  static let listings: [Listing] =
    [Listing.linear[0], Listing.linear[5], Listing.inverse[0], Listing.spot[0]]
    + Listing.options(from: Listing.usualStart).filter {
      [60_000, 70_000].contains($0.instrument.option?.strike)
    }

  var chance: SplitMix64

  static func venue(_ seed: UInt64) -> Venue {
    var configuration = Venue.Configuration(
      seed: seed, deposits: Dictionary(uniqueKeysWithValues: accounts.map { ($0, deposits) }),
      listings: listings)
    configuration.selfMatchGroups = [accounts[0]: 5, accounts[1]: 5]
    return Venue(configuration)
  }

  mutating func pick<T>(_ all: [T]) -> T { all[chance.number(in: 0...(all.count - 1))] }
  mutating func maybe<T>(_ value: T, oneIn count: Int = 2) -> T? {
    chance.oneIn(count) ? value : nil
  }

  mutating func event(_ venue: Venue) -> ExchangeEvent {
    let account = pick(Self.accounts)
    switch chance.number(in: 1...100) {
    case 1...12: return .tick
    case 13...18: return jump(venue)
    case 19...26:
      guard let order = anOrder(of: account, venue) else { return .tick }
      return .cancel(name(order), by: account)
    case 27...38:
      guard let order = anOrder(of: account, venue) else { return .tick }
      return .amend(amendment(order, venue), by: account)
    case 39:
      return .cancelAll(
        CancelAllRequest(category: pick(Category.allCases), settleCoin: "USDT"), by: account)
    case 40...43: return .tradingStop(stop(venue), by: account)
    case 44...45:
      let leverage = ExactDecimal(chance.number(in: 1...60))
      let id = MarketID(pick([.linear, .inverse]), "BTCUSDT")
      return .leverage(
        LeverageRequest(
          id.category == .linear ? id : MarketID(.inverse, "BTCUSD"), buy: leverage,
          sell: leverage), by: account)
    case 46:
      return .positionMode(
        PositionModeRequest(
          category: .linear, symbol: pick(["BTCUSDT", "HIFIUSDT"]), isHedged: chance.oneIn(2)),
        by: account)
    case 47:
      return .priceLimit(
        PriceLimitRequest(
          category: pick([.linear, .spot]), policy: chance.oneIn(2) ? .reprice : .refuse),
        by: account)
    default: return .place(request(venue, by: account), by: account)
    }
  }

  private func name(_ order: Order) -> OrderName {
    OrderName(category: order.category, symbol: order.symbol, orderID: order.id)
  }

  private mutating func anOrder(of account: AccountID, _ venue: Venue) -> Order? {
    let open = venue.openOrders(of: account)
    return open.isEmpty ? nil : pick(open)
  }

  /// The contract of bitcoin moves by up to two hundredths; its mark or index may stay behind.
  private mutating func jump(_ venue: Venue) -> ExchangeEvent {
    let market = venue.markets[0]
    let room = market.open / 50
    func bounded(_ ticks: Int) -> ExactDecimal {
      market.instrument.price(min(max(ticks, market.open / 2), market.open * 2))
    }
    let middle = market.middle + chance.number(in: -room...room)
    var point = PricePoint(market.instrument.id, middle: bounded(middle))
    point.mark = maybe(bounded(middle + chance.number(in: -200...200)))
    point.index = maybe(bounded(middle + chance.number(in: -200...200)))
    return .price(point)
  }

  private mutating func amendment(_ order: Order, _ venue: Venue) -> AmendRequest {
    let market = venue.markets[order.market]
    var change = AmendRequest(name(order))
    let lots = max(1, order.lots + chance.number(in: -order.lots...(order.lots + 1)))
    change.quantity = maybe(market.instrument.quantity(lots))
    change.price = maybe(price(near: market, reach: 20))
    change.triggerPrice = maybe(price(near: market, reach: 60), oneIn: 3)
    if chance.oneIn(6) { change.stopLoss = ExitChange(trigger: price(near: market, reach: 60)) }
    if chance.oneIn(6) { change.takeProfit = ExitChange(trigger: 0) }
    return change
  }

  private mutating func stop(_ venue: Venue) -> TradingStop {
    let market = venue.markets[pick([0, 1, 2])]
    var stop = TradingStop(
      category: market.instrument.category, symbol: market.instrument.symbol,
      positionIndex: pick([0, 0, 1, 2]), mode: pick(ExitMode.allCases))
    stop.takeProfit = maybe(ExitChange(trigger: price(near: market, reach: 60)))
    stop.stopLoss = maybe(
      ExitChange(trigger: price(near: market, reach: 60), by: pick(TriggerBy.allCases)))
    stop.size = market.instrument.quantity(chance.number(in: 1...market.maker.size))
    return stop
  }

  private mutating func price(near market: Market, reach: Int) -> ExactDecimal {
    let away = chance.number(in: -reach...reach) * max(1, market.maker.gap)
    return market.instrument.price(max(1, market.middle + away))
  }

  // MARK: Orders

  private mutating func request(_ venue: Venue, by account: AccountID) -> OrderRequest {
    let place =
      chance.oneIn(4) ? chance.number(in: 0...(venue.markets.count - 1)) : pick([0, 1, 2, 3])
    let market = venue.markets[place]
    let category = market.instrument.category
    let lots = chance.number(in: 1...(market.maker.size * 3))
    var request = OrderRequest(
      category: category, symbol: market.instrument.symbol, side: pick(Side.allCases),
      type: chance.oneIn(3) ? .market : .limit, quantity: market.instrument.quantity(lots),
      price: price(near: market, reach: 20),
      timeInForce: maybe(pick(TimeInForce.allCases)))
    if category == .option { request.linkID = Text("o-\(chance.next())") }
    request.selfMatch = pick(SelfMatch.allCases)
    if category.isFuture { decorate(&request, market, venue, account) }
    if category == .spot { decorateSpot(&request, market) }
    if request.type == .market, chance.oneIn(4) {
      request.slippage = Slippage(.ticks, ExactDecimal(chance.number(in: 1...30)))
    }
    return request
  }

  private mutating func decorate(
    _ request: inout OrderRequest, _ market: Market, _ venue: Venue, _ account: AccountID
  ) {
    let (symbol, category) = (request.symbol, request.category)
    if venue.isHedged(symbol, category, of: account) { request.positionIndex = pick([1, 2]) }
    request.reduceOnly = chance.oneIn(4)
    request.closeOnTrigger = chance.oneIn(8)
    if request.reduceOnly, request.closeOnTrigger {
      request.quantity = pick([0, request.quantity])
    }
    if chance.oneIn(5) { trigger(&request, market) }
    if !request.reduceOnly, !request.closeOnTrigger, chance.oneIn(4) { exits(&request, market) }
  }

  private mutating func decorateSpot(_ request: inout OrderRequest, _ market: Market) {
    request.isLeverage = chance.oneIn(4)
    if request.type == .market {
      request.marketUnit = maybe(pick(MarketUnit.allCases))
      let usesQuote = request.marketUnit.map { $0 == .quoteCoin } ?? (request.side == .buy)
      if usesQuote { request.quantity = ExactDecimal(chance.number(in: 5...20_000)) }
    }
    if chance.oneIn(5) {
      request.filter = pick([.tpslOrder, .stopOrder])
      request.triggerPrice = price(near: market, reach: 60)
    } else if request.type == .limit, chance.oneIn(4) {
      exits(&request, market)
    }
  }

  private mutating func trigger(_ request: inout OrderRequest, _ market: Market) {
    request.triggerBy = pick(TriggerBy.allCases)
    request.triggerPrice = price(near: market, reach: 60)
    request.triggerDirection = pick(TriggerDirection.allCases)
  }

  private mutating func exits(_ request: inout OrderRequest, _ market: Market) {
    let base = request.price.flatMap { market.instrument.ticks(of: $0) } ?? market.last
    let sign = request.side.sign
    func at(_ distance: Int) -> ExactDecimal { market.instrument.price(max(1, base + distance)) }
    let gap = max(1, market.maker.gap)
    request.exits = Exits(
      takeProfit: maybe(Exit(trigger: at(sign * gap * chance.number(in: 1...60)))),
      stopLoss: maybe(Exit(trigger: at(-sign * gap * chance.number(in: 1...60)), by: .last)),
      mode: pick(ExitMode.allCases))
    if request.exits.mode == .partial, chance.oneIn(3), let loss = request.exits.stopLoss {
      request.exits.stopLoss?.type = .limit
      request.exits.stopLoss?.limit = loss.trigger
    }
  }
}

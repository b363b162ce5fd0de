import Decimals
import JSON

/// What an account sets for itself.
extension Venue {
  mutating func set(_ request: LeverageRequest, by account: AccountID) throws(Refusal) {
    let market = try market(request.market)
    let instrument = markets[market].instrument
    var owner = try owner(account)
    guard instrument.category.isFuture else {
      throw .parameter("params error: only contracts have leverage")
    }
    let isHedged = owner.hedged.contains(market)
    guard isHedged || request.buy == request.sell else {
      throw .parameter("buy leverage not equal sell leverage")
    }
    for leverage in [request.buy, request.sell] {
      guard leverage >= instrument.minLeverage, leverage <= instrument.maxLeverage,
        (try? leverage.isMultiple(of: instrument.leverageStep)) == true
      else { throw .leverageRange }
    }
    let pair = LeveragePair(buy: request.buy, sell: request.sell)
    let present = LeveragePair(
      buy: leverage(SlotKey(market: market, index: 1), owner),
      sell: leverage(SlotKey(market: market, index: 2), owner))
    guard pair != present else { throw .leverageUnchanged }
    let before = accounts
    owner.leverage[market] = pair
    accounts[account]?.leverage[market] = pair
    let free = (try? summary(of: account))??.free ?? .zero
    guard !free.isNegative else {
      accounts = before
      throw .availableMargin
    }
    effects.append(.done)
    for index in 0...2 {
      let key = SlotKey(market: market, index: index)
      guard accounts[account]?.slots[key]?.position != nil else { continue }
      let leverage = leverage(key, owner)
      accounts[account]?.slots[key]?.position?.leverage = leverage
      touched.note(account, key)
    }
  }

  mutating func set(_ request: PositionModeRequest, by account: AccountID) throws(Refusal) {
    let owner = try owner(account)
    guard request.category.isFuture else {
      throw .parameter("params error: only contracts have a position mode")
    }
    let chosen: [Int]
    if let symbol = request.symbol {
      chosen = [try market(MarketID(request.category, symbol))]
    } else {
      guard let coin = request.coin else {
        throw .parameter("params error: symbol or coin is required")
      }
      chosen = markets.indices.filter {
        let instrument = markets[$0].instrument
        return instrument.category == request.category && instrument.settleCoin == coin
      }
    }
    let changing = chosen.filter { owner.hedged.contains($0) != request.isHedged }
    guard !changing.isEmpty else { throw .modeUnchanged }
    for market in changing {
      let holds = (0...2).contains { index in
        owner.slots[SlotKey(market: market, index: index)]?.position?.lots ?? 0 != 0
      }
      guard !holds else { throw .positionExists }
      let works = owner.open.contains { orders[$0]?.market == market }
      guard !works else { throw .ordersExist }
    }
    for market in changing {
      if request.isHedged {
        accounts[account]?.hedged.insert(market)
      } else {
        accounts[account]?.hedged.remove(market)
      }
    }
    effects.append(.done)
  }

  mutating func set(_ request: PriceLimitRequest, by account: AccountID) throws(Refusal) {
    _ = try owner(account)
    if request.category == .spot {
      accounts[account]?.spotBand = request.policy
    } else {
      accounts[account]?.futuresBand = request.policy
    }
    effects.append(.done)
  }
}

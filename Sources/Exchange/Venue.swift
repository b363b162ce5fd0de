package import Decimals
package import JSON
package import Time

/// A Bybit-like exchange in memory: linear and inverse contracts, spot and options; price-time
/// matching against a seeded market and between accounts; positions, wallets, margin, funding,
/// liquidation.
///
/// Pure: time comes in with each event and chance only from the seed, so equal events give equal
/// effects. A request is checked whole before anything changes; what follows cannot be refused.
package struct Venue: Sendable {
  package struct Configuration: Sendable {
    package var seed: UInt64
    /// Opening balances by coin.
    package var deposits: [AccountID: [Text: ExactDecimal]]
    package var listings: [Listing]
    /// Leverage of every contract until an account sets its own; contracts may allow less.
    package var leverage: ExactDecimal
    /// What happens to the futures prices of every account outside the band, until it says otherwise.
    package var band: BandPolicy
    /// The moment at which the market opens; listings with an end are made for it.
    package var start: Timestamp
    /// Accounts of one group other than 0 count as one for self-match prevention.
    package var selfMatchGroups: [AccountID: Int] = [:]

    package init(
      seed: UInt64, deposits: [AccountID: [Text: ExactDecimal]],
      listings: [Listing]? = nil, leverage: ExactDecimal = 10, band: BandPolicy = .reprice,
      start: Timestamp = Listing.usualStart
    ) {
      self.seed = seed
      self.deposits = deposits
      self.listings = listings ?? Listing.all(from: start)
      self.leverage = leverage
      self.band = band
      self.start = start
    }
  }

  package enum Limits {
    /// Open orders of one account in one market.
    package static let openOrders = 500
    /// Conditional orders of one account in one contract, and in one spot pair.
    package static let conditionalOrders = 10
    package static let spotConditionalOrders = 30
    /// Pairs of partial exits of one position.
    package static let partialExits = 20
    /// Closed orders that are kept for queries; the oldest go first and free their link ids.
    package static let closedOrders = 10_000
    /// Fills that are kept for queries.
    package static let executions = 20_000
    package static let linkIDBytes = 36
    /// Funding payments of one contract at one event, when time has jumped.
    package static let fundingPayments = 30
  }

  package let configuration: Configuration
  var markets: [Market]
  let index: [MarketID: Int]
  /// The market that prices a coin in dollars.
  let rates: [Text: Int]
  var accounts: [AccountID: Account]
  var orders: [Text: Order] = [:]
  /// Ids in order of closing.
  var closed: [Text] = []
  /// Oldest first.
  package internal(set) var executions: [Execution] = []
  /// Sums of money by coin that no account holds.
  package internal(set) var pots = Pots()
  var chance: SplitMix64
  var ids: SplitMix64
  var serial = 0
  var now = Timestamp(milliseconds: 0)
  var effects: [ExchangeEffect] = []
  var touched = Touched()

  /// An exchange whose books are quoted at the opening prices.
  package init(_ configuration: Configuration) {
    self.configuration = configuration
    let listings = configuration.listings
    index = Dictionary(
      listings.enumerated().map { ($1.instrument.id, $0) }, uniquingKeysWith: { first, _ in first })
    rates = Dictionary(
      listings.enumerated().filter { $1.instrument.category == .linear }
        .map { ($1.instrument.baseCoin, $0) }, uniquingKeysWith: { first, _ in first })
    let places = index
    markets = listings.map { listing in
      Market(listing, leader: listing.leader.flatMap { places[$0] }, open: listing.maker.open)
    }
    accounts = configuration.deposits.reduce(into: [:]) { all, deposit in
      var account = Account()
      account.futuresBand = configuration.band
      account.selfMatchGroup = configuration.selfMatchGroups[deposit.key] ?? 0
      for (coin, amount) in deposit.value { account.balances[coin] = Balance(amount: amount) }
      all[deposit.key] = account
    }
    chance = SplitMix64(seed: configuration.seed)
    ids = SplitMix64(seed: ~configuration.seed)
    for market in markets.indices {
      if let open = follow(market) {
        markets[market] = Market(listings[market], leader: markets[market].leader, open: open)
      }
      requote(market)
    }
    effects = []
    touched = Touched()
  }

  /// Applies one event. A refused event changes nothing at all.
  package mutating func handle(_ event: ExchangeEvent, at time: Timestamp) -> [ExchangeEffect] {
    effects = []
    touched = Touched()
    now = time
    do {
      try apply(event)
      settleDown()
    } catch let refusal as Refusal {
      return [.refused(refusal)]
    } catch {
      return [.refused(.server)]
    }
    defer { effects = [] }
    return effects
  }

  /// Throws only before the first change.
  private mutating func apply(_ event: ExchangeEvent) throws {
    switch event {
    case .place(let request, let account): try place(request, by: account)
    case .amend(let request, let account): try amend(request, by: account)
    case .cancel(let name, let account): try cancel(name, by: account)
    case .cancelAll(let request, let account): try cancelAll(request, by: account)
    case .tradingStop(let stop, let account): try set(stop, by: account)
    case .leverage(let request, let account): try set(request, by: account)
    case .positionMode(let request, let account): try set(request, by: account)
    case .priceLimit(let request, let account): try set(request, by: account)
    case .tick:
      for market in markets.indices { step(market) }
      settleTime()
    case .price(let point):
      try move(to: point)
      settleTime()
    case .model(let id, let model):
      let market = try market(id)
      markets[market].model = model
      effects.append(.done)
    }
  }

  func market(_ id: MarketID) throws(Refusal) -> Int {
    guard let market = index[id] else { throw Refusal.symbol.spoken(by: id.category) }
    return market
  }

  func owner(_ account: AccountID) throws(Refusal) -> Account {
    guard let owner = accounts[account] else { throw Refusal(10003, "no such account") }
    return owner
  }
}

/// Money that no account holds, by coin. With all balances and the cost of all open positions it
/// adds up to the same sum for ever.
package struct Pots: Sendable {
  /// What trading with the seeded market brought it.
  package internal(set) var house: [Text: ExactDecimal] = [:]
  package internal(set) var fees: [Text: ExactDecimal] = [:]
  package internal(set) var funding: [Text: ExactDecimal] = [:]
  /// What liquidated accounts could not pay; negative.
  package internal(set) var insurance: [Text: ExactDecimal] = [:]

  static func add(
    _ amount: ExactDecimal, of coin: Text, to pot: inout [Text: ExactDecimal]
  ) throws(DecimalError) {
    pot[coin] = try (pot[coin] ?? .zero) + amount
  }
}

/// What an event changed and still has to be said or followed up.
struct Touched: Sendable {
  struct Place: Hashable, Sendable {
    let account: AccountID
    let slot: SlotKey
  }

  /// In order of the first change.
  private(set) var places: [Place] = []
  private var seen: Set<Place> = []
  var markets: Set<Int> = []
  /// Orders with exits that filled something.
  var grown: [Text] = []
  /// Slots whose position changed.
  var moved: Set<Place> = []
  /// Markets whose prices changed.
  var priced: Set<Int> = []
  /// Whether every account has to be looked at.
  var marksMoved = false

  mutating func note(_ account: AccountID, _ slot: SlotKey) {
    let place = Place(account: account, slot: slot)
    if seen.insert(place).inserted { places.append(place) }
    markets.insert(slot.market)
  }
}

/// Money that is moved after a request was taken: amounts are bounded by the filters of their market,
/// far inside 38 digits, so a sum that cannot be held is a bug here and no refusal.
func exactly<T>(_ body: () throws(DecimalError) -> T) -> T {
  do { return try body() } catch { preconditionFailure("money: \(error.description)") }
}

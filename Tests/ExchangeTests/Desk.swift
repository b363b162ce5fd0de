import Decimals
import JSON
import Testing
import Time

@testable import Exchange

/// Two accounts at one exchange, spoken to in short sentences.
struct Desk {
  static let ann = AccountID(1)
  static let bob = AccountID(2)
  static let deposit: ExactDecimal = 100_000

  var venue: Venue
  var clock = Timestamp(milliseconds: 1_800_000_000_000)

  init(
    seed: UInt64 = 7, band: BandPolicy = .reprice, deposit: ExactDecimal = Desk.deposit,
    listings: [Listing] = Listing.linear, coins: [Text: ExactDecimal] = [:],
    _ change: (inout Venue.Configuration) -> Void = { _ in }
  ) {
    let wallet = coins.merging(["USDT": deposit]) { first, _ in first }
    var configuration = Venue.Configuration(
      seed: seed, deposits: [Self.ann: wallet, Self.bob: wallet], listings: listings, band: band)
    change(&configuration)
    venue = Venue(configuration)
  }

  func balance(_ coin: Text = "USDT", of account: AccountID = ann) -> ExactDecimal {
    venue.accounts[account]?.balance(coin) ?? .zero
  }

  @discardableResult
  mutating func handle(_ event: ExchangeEvent) -> [ExchangeEffect] {
    clock = clock + .milliseconds(10)
    return venue.handle(event, at: clock)
  }

  /// Places an order and returns it as it stands afterwards.
  mutating func place(_ request: OrderRequest, by account: AccountID = ann) throws -> Order {
    let effects = handle(.place(request, by: account))
    guard case .accepted(let order)? = effects.first else {
      throw try #require(effects.first?.refusal)
    }
    return try #require(venue.order(order.id, of: account))
  }

  mutating func refusal(_ request: OrderRequest, by account: AccountID = ann) -> Int? {
    handle(.place(request, by: account)).first?.refusal?.code
  }

  func now(_ order: Order) throws -> Order {
    try #require(venue.order(order.id, of: order.account))
  }

  func size(_ symbol: Text = "BTCUSDT", of account: AccountID = ann) -> String {
    guard let position = venue.position(symbol, of: account) else { return "0" }
    return (position.side.map { $0.rawValue + " " } ?? "") + position.size.description
  }
}

extension ExchangeEffect {
  var refusal: Refusal? { if case .refused(let refusal) = self { refusal } else { nil } }

  /// One word or two for transcripts.
  var word: String? {
    switch self {
    case .accepted: "ack"
    case .refused(let refusal): "refused \(refusal.code)"
    case .order(let order): "order \(order.status.rawValue)"
    case .execution(let execution): "execution \(execution.isMaker ? "maker" : "taker")"
    case .position: "position"
    case .wallet: "wallet"
    case .cancelled(let orders): "cancelled \(orders.count)"
    case .done, .market, .trade: nil
    }
  }
}

func limit(
  _ side: Side, _ quantity: ExactDecimal, at price: ExactDecimal, _ symbol: Text = "BTCUSDT",
  _ timeInForce: TimeInForce? = nil, reduceOnly: Bool = false, link: Text = ""
) -> OrderRequest {
  OrderRequest(
    symbol: symbol, side: side, type: .limit, quantity: quantity, price: price,
    timeInForce: timeInForce, reduceOnly: reduceOnly, linkID: link)
}

func market(
  _ side: Side, _ quantity: ExactDecimal, _ symbol: Text = "BTCUSDT", reduceOnly: Bool = false
) -> OrderRequest {
  OrderRequest(
    symbol: symbol, side: side, type: .market, quantity: quantity, reduceOnly: reduceOnly)
}

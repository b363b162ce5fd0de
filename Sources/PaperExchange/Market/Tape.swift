import Decimals
import Exchange
import JSON
import Time

/// What was traded in one market: the last trades, and candles of a minute.
struct Tape: Sendable {
  static let tradeLimit = 1000
  /// A day and a half of minutes.
  static let candleLimit = 2160

  /// Oldest first.
  private(set) var trades: [TapedTrade] = []
  /// Candles of a minute, oldest first; minutes without a trade have none.
  private(set) var minutes: [Candle] = []

  mutating func add(_ trade: PublicTrade) -> TapedTrade {
    let taped = TapedTrade(trade, after: trades.last)
    if trades.count >= Self.tradeLimit { trades.removeFirst(Self.tradeLimit / 10) }
    trades.append(taped)
    let start = CandleInterval.minute.start(of: trade.at)
    if let last = minutes.last, last.start >= start {
      minutes[minutes.count - 1].add(trade)
    } else {
      if minutes.count >= Self.candleLimit { minutes.removeFirst(Self.candleLimit / 10) }
      minutes.append(Candle(trade, start: start))
    }
    return taped
  }

  /// Candles of an interval, oldest first.
  func candles(_ interval: CandleInterval) -> [Candle] {
    minutes.reduce(into: []) { candles, minute in
      let start = interval.start(of: minute.start)
      if let last = candles.last, last.start == start {
        candles[candles.count - 1].add(minute)
      } else {
        var first = minute
        first.start = start
        candles.append(first)
      }
    }
  }
}

/// A trade with the direction of its price: up, down, or as the last one that moved.
struct TapedTrade: Sendable {
  let trade: PublicTrade
  let direction: Text

  init(_ trade: PublicTrade, after last: TapedTrade?) {
    self.trade = trade
    guard let last else {
      direction = "PlusTick"
      return
    }
    if trade.price > last.trade.price {
      direction = "PlusTick"
    } else if trade.price < last.trade.price {
      direction = "MinusTick"
    } else {
      direction = last.direction.string.hasSuffix("PlusTick") ? "ZeroPlusTick" : "ZeroMinusTick"
    }
  }
}

/// What was traded in one stretch of time.
struct Candle: Sendable {
  var start: Timestamp
  private(set) var open: ExactDecimal
  private(set) var high: ExactDecimal
  private(set) var low: ExactDecimal
  private(set) var close: ExactDecimal
  private(set) var volume: ExactDecimal
  private(set) var turnover: ExactDecimal

  init(_ trade: PublicTrade, start: Timestamp) {
    self.start = start
    open = trade.price
    high = trade.price
    low = trade.price
    close = trade.price
    volume = trade.quantity
    turnover = trade.value
  }

  mutating func add(_ trade: PublicTrade) { add(Candle(trade, start: start)) }

  mutating func add(_ later: Candle) {
    high = max(high, later.high)
    low = min(low, later.low)
    close = later.close
    // Sums past 38 digits stay where they are: a candle is for show.
    volume = (try? volume + later.volume) ?? volume
    turnover = (try? turnover + later.turnover) ?? turnover
  }
}

/// The length of a candle, by its V5 name: minutes, or D, W, M.
struct CandleInterval: Hashable, Sendable {
  let name: Text
  private let minutes: Int64

  static let minute = CandleInterval(name: "1", minutes: 1)

  private static let all: [CandleInterval] = {
    let minutes: [Int64] = [1, 3, 5, 15, 30, 60, 120, 240, 360, 720]
    let longer: [(Text, Int64)] = [("D", 1440), ("W", 10_080), ("M", 43_200)]
    return minutes.map { CandleInterval(name: Text(String($0)), minutes: $0) }
      + longer.map { CandleInterval(name: $0.0, minutes: $0.1) }
  }()

  private init(name: Text, minutes: Int64) {
    self.name = name
    self.minutes = minutes
  }

  init?(_ name: Text) {
    guard let known = Self.all.first(where: { $0.name == name }) else { return nil }
    self = known
  }

  /// Months count as thirty days here, and weeks from the first Thursday of 1970.
  func start(of moment: Timestamp) -> Timestamp {
    let length = minutes * 60_000
    return Timestamp(milliseconds: moment.milliseconds / length * length)
  }

  func end(of start: Timestamp) -> Timestamp { start + .minutes(minutes) }
}

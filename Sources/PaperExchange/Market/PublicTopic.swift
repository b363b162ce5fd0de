import Exchange
import JSON
import Time

/// The name of a public topic. The same name means other markets on other streams.
struct TopicName: Hashable, Comparable, Sendable {
  let category: Category
  let text: Text

  static func < (a: TopicName, b: TopicName) -> Bool {
    a.category == b.category ? a.text < b.text : a.category.rawValue < b.category.rawValue
  }
}

/// A public topic with what its subscribers know.
struct PublicTopic: Sendable {
  enum Kind: Hashable, Sendable {
    case ticker
    case book(depth: Int)
    /// For options of a whole coin.
    case trades
    case candles(CandleInterval)
    case priceLimit
  }

  let name: TopicName
  let kind: Kind
  /// A symbol; of options' trades a coin.
  let subject: Text
  var subscribers: Set<ConnectionID> = []
  var lastBook: BookView?
  /// The last row of a ticker or price limit.
  var lastRow: JSONObject?

  func concerns(_ instrument: Instrument) -> Bool {
    guard instrument.category == name.category else { return false }
    return subject == (isOfCoin ? instrument.baseCoin : instrument.symbol)
  }

  private var isOfCoin: Bool { kind == .trades && name.category == .option }
}

extension PublicTopic {
  /// Depths that a category's books come in.
  private static func depths(_ category: Category) -> [Int] {
    category == .option ? [25, 100] : [1, 50, 200, 1000]
  }

  /// The topic that `text` names in a category, or nil when there is none. Whether its subject
  /// exists is not asked.
  init?(_ text: Text, _ category: Category) {
    let words = text.string.split(separator: ".", omittingEmptySubsequences: false).map { Text($0) }
    guard let kind = Self.kind(words.dropLast(), category), let subject = words.last else {
      return nil
    }
    self.kind = kind
    self.subject = subject
    name = TopicName(category: category, text: text)
  }

  private static func kind(_ words: ArraySlice<Text>, _ category: Category) -> Kind? {
    guard let first = words.first else { return nil }
    switch (first, words.count) {
    case ("tickers", 1): return .ticker
    case ("publicTrade", 1): return .trades
    case ("priceLimit", 1): return category == .option ? nil : .priceLimit
    case ("kline", 2):
      return category == .option
        ? nil : words.last.flatMap { CandleInterval($0) }.map { .candles($0) }
    case ("orderbook", 2):
      let depth = words.last.flatMap { Int($0.string) }
      return depth.flatMap { depths(category).contains($0) ? .book(depth: $0) : nil }
    default: return nil
    }
  }
}

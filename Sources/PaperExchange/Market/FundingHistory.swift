import Decimals
import Exchange
import JSON
import Time

/// The rates that were paid since the exchange opened.
struct FundingHistory: Sendable {
  struct Entry: Sendable {
    let rate: ExactDecimal
    let at: Timestamp
  }

  static let limit = 1000

  /// Oldest first.
  private(set) var paid: [MarketID: [Entry]] = [:]
  private var next: [MarketID: Entry] = [:]

  /// Looks at what will be paid next; what was to be paid before now has been.
  mutating func note(_ venue: Venue, at now: Timestamp) {
    for instrument in venue.instruments where instrument.category.isFuture {
      if let entry = next[instrument.id], entry.at <= now {
        var all = paid[instrument.id] ?? []
        if all.count >= Self.limit { all.removeFirst(Self.limit / 10) }
        all.append(entry)
        paid[instrument.id] = all
      }
      let ticker = venue.ticker(instrument.symbol, instrument.category)
      if let rate = ticker?.fundingRate, let at = ticker?.nextFunding {
        next[instrument.id] = Entry(rate: rate, at: at)
      }
    }
  }
}

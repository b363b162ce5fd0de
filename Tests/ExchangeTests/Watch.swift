import Decimals
import JSON
import Testing
import Time

@testable import Exchange

/// Sees every event of a random day and says what must hold.
struct Watch {
  private var rows: [Text: Order] = [:]
  private(set) var trades = 0
  /// Statuses and cancel types that came up.
  private(set) var kinds: Set<String> = []

  mutating func look(_ venue: Venue, _ effects: [ExchangeEffect], _ comment: Comment) throws {
    expectGrowing(effects, comment)
    expectSaid(venue, comment)
    Self.expectBooks(venue, comment)
    try Self.expectClaims(venue, comment)
    Self.expectPositions(venue, comment)
    try Self.expectMargin(venue, comment)
    expectFair(venue, effects, comment)
  }

  // MARK: Orders

  /// Fills never shrink; a closed order leaves nothing, a working one something.
  private mutating func expectGrowing(_ effects: [ExchangeEffect], _ comment: Comment) {
    for case .order(let order) in effects {
      let old = rows[order.id]
      #expect(order.filled >= old?.filled ?? 0, comment)
      #expect(old?.status.isOpen ?? true, comment)
      if order.status.isOpen {
        #expect(order.leaves > 0 || order.budget != nil, comment)
      } else {
        #expect(order.leaves == 0 && order.leavesValue == 0, comment)
      }
      if order.budget == nil { #expect(order.filledLots <= order.lots, comment) }
      rows[order.id] = order
      kinds.formUnion([order.status.rawValue, order.cancelType.rawValue])
    }
  }

  /// The last row of every order says where it stands.
  private func expectSaid(_ venue: Venue, _ comment: Comment) {
    for account in venue.accounts.values {
      for order in account.open.compactMap({ venue.orders[$0] }) {
        let row = rows[order.id]
        #expect(row?.status == order.status, comment)
        #expect(row?.filled == order.filled, comment)
        #expect(row?.quantity == order.quantity, comment)
        #expect(order.status.isOpen, comment)
      }
    }
    for row in rows.values where row.status.isOpen {
      #expect(venue.orders[row.id]?.status == row.status, comment)
    }
  }

  // MARK: Books

  /// One expectation for all books: there are thousands of entries after each event.
  static func expectBooks(_ venue: Venue, _ comment: Comment) {
    var resting: [Text: Int] = [:]
    var isSound = true
    for market in venue.markets {
      isSound = isSound && !market.book.isCrossed
      for side in Side.allCases {
        let levels = market.book.levels(side)
        isSound = isSound && isSorted(levels.map(\.ticks), side)
        for level in levels {
          isSound = isSound && !level.queue.isEmpty && level.queue.allSatisfy { $0.lots > 0 }
          for case (.order(let id), let lots) in level.queue.map({ ($0.owner, $0.lots) }) {
            isSound = isSound && resting[id] == nil && venue.orders[id]?.limit == level.ticks
            resting[id] = lots
          }
        }
      }
    }
    #expect(isSound, comment)
    for order in venue.accounts.values.flatMap(\.open).compactMap({ venue.orders[$0] }) {
      let left = order.status.isWorking ? order.leavesLots : nil
      #expect(resting.removeValue(forKey: order.id) == left, comment)
    }
    #expect(resting.isEmpty, comment)
  }

  /// Every price once, the best first.
  private static func isSorted(_ prices: [Int], _ side: Side) -> Bool {
    zip(prices, prices.dropFirst()).allSatisfy { side == .buy ? $0 > $1 : $0 < $1 }
  }

  /// The orders at each price, oldest first.
  static func queues(_ venue: Venue) -> [[Side: [Int: [Book.Owner]]]] {
    venue.markets.map { market in
      Dictionary(
        uniqueKeysWithValues: Side.allCases.map { side in
          (
            side,
            Dictionary(
              uniqueKeysWithValues: market.book.levels(side).map {
                ($0.ticks, $0.queue.map(\.owner))
              })
          )
        })
    }
  }

  /// Who stood in a queue before and stands there still keeps the order and comes before newcomers;
  /// only an amended order may go to the end.
  static func expectPriority(
    before: [[Side: [Int: [Book.Owner]]]], _ venue: Venue, _ event: ExchangeEvent,
    _ comment: Comment
  ) {
    var amended: Book.Owner?
    if case .amend(let request, _) = event, let id = request.name.orderID { amended = .order(id) }
    var isKept = true
    for (place, sides) in queues(venue).enumerated() {
      for (side, levels) in sides {
        for (ticks, queue) in levels {
          let old = before[place][side]?[ticks] ?? []
          let stayed = old.filter { $0 != amended && $0 != .house && queue.contains($0) }
          let now = queue.filter { $0 != amended && $0 != .house }
          isKept = isKept && now.starts(with: stayed)
        }
      }
    }
    #expect(isKept, comment)
  }

  // MARK: Accounts

  /// The sums of what orders bind are what the open orders bind.
  static func expectClaims(_ venue: Venue, _ comment: Comment) throws {
    for account in venue.accounts.values {
      var again = Account()
      for order in account.open.compactMap({ venue.orders[$0] }) {
        try again.exchange(.none, for: venue.claim(of: order))
      }
      for (coin, balance) in account.balances {
        #expect(balance.locked == again.balances[coin]?.locked ?? 0, comment)
        #expect(balance.leveraged == again.balances[coin]?.leveraged ?? 0, comment)
      }
      for (key, slot) in account.slots {
        #expect(slot.buys == again.slots[key]?.buys ?? Totals(), comment)
        #expect(slot.sells == again.slots[key]?.sells ?? Totals(), comment)
        for id in slot.reducing {
          #expect(venue.orders[id].map { slot.closable(by: $0.side) > 0 } == true, comment)
        }
        for id in slot.exits {
          #expect(venue.orders[id]?.side == slot.position?.side?.opposite, comment)
        }
      }
    }
  }

  /// Lots of all sides add up to nothing; a flat position has no cost; hedge sides keep their sign.
  static func expectPositions(_ venue: Venue, _ comment: Comment) {
    for (place, market) in venue.markets.enumerated() where market.instrument.category != .spot {
      var lots = market.houseLots
      for account in venue.accounts.values {
        for index in 0...2 {
          guard let position = account.slots[SlotKey(market: place, index: index)]?.position else {
            continue
          }
          lots += position.lots
          #expect(!position.entryValue.isNegative, comment)
          #expect(position.lots != 0 || position.entryValue.isZero, comment)
          #expect(index != 1 || position.lots >= 0, comment)
          #expect(index != 2 || position.lots <= 0, comment)
        }
      }
      #expect(lots == 0, comment)
    }
  }

  /// Nobody stays below the maintenance margin: that is liquidated within the event.
  static func expectMargin(_ venue: Venue, _ comment: Comment) throws {
    for (id, account) in venue.accounts where account.isExposed {
      let summary = try #require(try venue.summary(of: id))
      #expect(summary.marginBalance >= summary.maintenanceMargin, comment)
    }
  }

  // MARK: Trades

  /// Takers stay inside the band; what may only close only closes; own orders trade only where
  /// self-match prevention is off.
  private mutating func expectFair(
    _ venue: Venue, _ effects: [ExchangeEffect], _ comment: Comment
  ) {
    var takers: [String: Execution] = [:]
    for case .execution(let fill) in effects where fill.kind == .trade {
      trades += 1
      let order = fill.order
      let trade = "\(order.category) \(order.symbol) \(fill.sequence)"
      if venue.isReducing(order) { #expect(fill.closed == fill.quantity, comment) }
      if fill.isMaker {
        guard let taker = takers[trade], taker.order.selfMatch != .none else { continue }
        #expect(taker.account != order.account, comment)
        let group = taker.order.selfMatchGroup
        #expect(group == 0 || group != order.selfMatchGroup, comment)
      } else {
        takers[trade] = fill
        guard let band = venue.priceBand(order.symbol, order.category) else { continue }
        let inside =
          order.side == .buy ? fill.price <= band.highestBuy : fill.price >= band.lowestSell
        #expect(inside, comment)
      }
    }
  }
}

package import Decimals
package import JSON
package import Time

/// One order of a dispatched batch with all that is known of it.
package struct LegProgress: Hashable, Sendable {
  package struct Fill: Hashable, Sendable {
    package let qty: ExactDecimal
    package let price: ExactDecimal
    package let fee: ExactDecimal?
    package let feeCurrency: Text?
    package let isMaker: Bool?
    package let at: Timestamp
  }

  private enum Ack: Hashable, Sendable {
    case none, accepted, unknown
    case rejected(code: Int?, words: String)
    case resolved(words: String)
  }

  /// What the leg asks for.
  package enum Subject: Hashable, Sendable {
    case order(Leg)
    case change(OrderChange)
  }

  package let subject: Subject
  package private(set) var orderID: Text?
  /// The largest cumulative quantity that any row told or the fills add up to. In base coin.
  package private(set) var filledQty: ExactDecimal = .zero
  /// By the exchange's trade id.
  package private(set) var fills: [Text: Fill] = [:]
  /// Why it ended, in the exchange's words.
  package private(set) var reason = ""
  package private(set) var updatedAt: Timestamp?
  private var ack: Ack = .none
  /// The order as the exchange showed it last.
  package private(set) var row: OrderRow?
  /// Of an amendment: the order was seen with all new values.
  private var isCarriedOut = false
  /// What makes a row that bears the leg's id another order; only a person can say what it is.
  package internal(set) var stranger: String?

  /// Trades kept for one order; an order with more keeps its cumulative numbers from order rows.
  package static let maxFills = 2_000

  init(_ leg: Leg) { subject = .order(leg) }

  init(_ change: OrderChange) {
    subject = .change(change)
    orderID = change.orderID
  }

  /// Nil for a change of an order.
  package var leg: Leg? { if case .order(let leg) = subject { leg } else { nil } }
  package var change: OrderChange? {
    if case .change(let change) = subject { change } else { nil }
  }

  /// From 0.
  package var index: Int {
    switch subject {
    case .order(let leg): leg.index
    case .change(let change): change.index
    }
  }
  package var category: Category {
    switch subject {
    case .order(let leg): leg.category
    case .change(let change): change.category
    }
  }
  package var symbol: Text {
    switch subject {
    case .order(let leg): leg.symbol
    case .change(let change): change.symbol
    }
  }
  package var orderLinkID: Text? {
    switch subject {
    case .order(let leg): leg.orderLinkID
    case .change(let change): change.orderLinkID ?? row?.orderLinkID
    }
  }
  /// Nil while a changed order is not known.
  package var side: Side? { leg?.side ?? row?.side }
  package var orderType: OrderType? { leg?.orderType ?? row?.orderType }
  /// Whether it asks the exchange to make exits of its order: a take profit or a stop loss.
  package var asksForExits: Bool {
    let exits = [leg?.takeProfit, leg?.stopLoss, change?.takeProfit, change?.stopLoss]
    return exits.contains { $0?.isPositive == true }
  }
  /// As it stands now: an amendment may have changed it.
  package var qty: ExactDecimal? {
    if let leg, leg.closesWholePosition == false, row == nil { return leg.qty }
    return row?.qty ?? leg?.qty ?? change?.qty
  }

  package var key: OrderKey {
    OrderKey(category: category, symbol: symbol, orderID: orderID, orderLinkID: orderLinkID)
  }

  package var state: LegState {
    if let change, let state = state(of: change) { return state }
    guard let status = row?.status else { return stateWithoutRow }
    switch status {
    case .filled: return .filled
    case .cancelled: return isComplete ? .filled : .cancelled(filledQty: filledQty)
    case .rejected:
      return filledQty.isPositive
        ? .cancelled(filledQty: filledQty) : .rejected(code: nil, words: reason)
    case .working, .partFilled:
      return isComplete ? .filled : filledQty.isPositive ? .partFilled : .working
    }
  }

  /// Where a change stands, as long as that is not where its order stands.
  ///
  /// A refused change leaves its order as it was. Until the order shows the new values, or the
  /// exchange took the change, the order's life says nothing about it; an order that has ended does.
  private func state(of change: OrderChange) -> LegState? {
    if case .rejected(let code, let words) = ack, !isCarriedOut {
      return .rejected(code: code, words: words)
    }
    if row?.status.isFinal == true { return nil }
    switch (change.kind, ack) {
    case (.amend, _) where isCarriedOut: return nil
    case (_, .accepted): return .acked
    case (_, .unknown): return .unknown
    case (_, .resolved(let words)): return .resolved(words: words)
    default: return .sent
    }
  }

  private var stateWithoutRow: LegState {
    if filledQty.isPositive { return isComplete ? .filled : .partFilled }
    return switch ack {
    case .none: .sent
    case .accepted: .acked
    case .unknown: .unknown
    case .rejected(let code, let words): .rejected(code: code, words: words)
    case .resolved(let words): .resolved(words: words)
    }
  }

  /// All that was asked for is filled; only where both quantities count the same coin.
  private var isComplete: Bool {
    guard let leg, !leg.quantityIsQuote, let qty, qty.isPositive else { return false }
    return filledQty >= qty
  }

  /// What was paid for one unit so far. Nil without fills, or where only part of them is known.
  package var averagePrice: ExactDecimal? {
    guard filledQty.isPositive else { return nil }
    if knowsAllFills, let exact = averageOfFills { return exact }
    guard let row, row.filled == filledQty else { return nil }
    return row.averagePrice
  }

  /// By coin: of the fills when all are known, else what the order rows say.
  package var fees: [Text: ExactDecimal] {
    guard knowsAllFills || row?.fees.isEmpty != false else { return row?.fees ?? [:] }
    var sums: [Text: ExactDecimal] = [:]
    for fill in fills.values {
      guard let fee = fill.fee else { continue }
      let coin = fill.feeCurrency ?? defaultFeeCoin
      // A sum that cannot be held leaves the coin out rather than show a wrong one.
      sums[coin] = try? (sums[coin] ?? .zero) + fee
    }
    return sums
  }

  private var defaultFeeCoin: Text {
    Coins.fee(of: symbol, category, side)
  }

  private var sumOfFills: ExactDecimal? {
    var sum = ExactDecimal.zero
    for fill in fills.values {
      guard let more = try? sum + fill.qty else { return nil }
      sum = more
    }
    return sum
  }

  private var knowsAllFills: Bool { !fills.isEmpty && sumOfFills == filledQty }

  /// Linear: value ÷ quantity. Inverse: quantity ÷ coin value, since the quantity is dollars.
  private var averageOfFills: ExactDecimal? {
    let scale = 12
    do {
      var quantity = ExactDecimal.zero
      var value = ExactDecimal.zero
      for fill in fills.values {
        quantity = try quantity + fill.qty
        value =
          try value
          + (category == .inverse
            ? fill.qty.divided(by: fill.price, scale: 18, rounding: .halfEven)
            : fill.qty * fill.price)
      }
      let average =
        category == .inverse
        ? try quantity.divided(by: value, scale: scale, rounding: .halfEven)
        : try value.divided(by: quantity, scale: scale, rounding: .halfEven)
      return average.normalized
    } catch {
      return nil
    }
  }

  // MARK: News

  mutating func apply(_ news: LegAck) {
    // The lists are aligned by index; an answer that names another order is about nothing we know.
    if let told = news.orderLinkID, let own = orderLinkID, told != own { return markUnknown() }
    if let id = news.orderID, orderID == nil { orderID = id }
    switch news.answer {
    case .accepted: ack = .accepted
    case .ambiguous: markUnknown()
    case .rejected: reject(code: news.code, words: news.words)
    }
  }

  /// A refusal counts until the exchange shows the order.
  mutating func reject(code: Int?, words: String) {
    guard ack != .accepted else { return }
    ack = .rejected(code: code, words: words)
  }

  /// The exchange itself said which order this is: by its answer, or by a row that matched.
  var isKnown: Bool { ack == .accepted || row != nil }

  /// A changed order as it was before the change was sent.
  mutating func wasBefore(_ news: OrderRow) {
    guard row == nil else { return }
    row = news
    filledQty = max(filledQty, news.filled)
  }

  /// A changed order had ended before the change could reach it.
  mutating func endedBefore(_ news: OrderRow) {
    row = news
    filledQty = max(filledQty, news.filled)
    reject(code: nil, words: "the order had ended before: \(news.statusWord)")
  }

  /// A person says what became of it; the exchange's own word counts more, also later.
  mutating func resolve(words: String) {
    if state == .unknown || state == .sent { ack = .resolved(words: words) }
  }

  mutating func markUnknown() {
    if ack == .none { ack = .unknown }
  }

  mutating func apply(_ news: OrderRow) {
    orderID = news.orderID
    filledQty = max(filledQty, news.filled)
    updatedAt = [updatedAt, news.updatedAt].compactMap { $0 }.max()
    if change?.isCarriedOut(in: news) == true { isCarriedOut = true }
    guard supersedes(news) else { return }
    row = news
    if !news.reason.isEmpty || news.status.isFinal { reason = news.reason }
  }

  /// Whether `news` says more than the row that is kept: an ended order stays ended, and of two
  /// rows the later one, then the one with more filled.
  private func supersedes(_ news: OrderRow) -> Bool {
    guard let row else { return true }
    if row.status.isFinal != news.status.isFinal { return news.status.isFinal }
    if row.status.isFinal { return row.status != .filled && news.filled > row.filled }
    let (old, new) = (row.updatedAt?.milliseconds ?? 0, news.updatedAt?.milliseconds ?? 0)
    return old == new ? news.filled > row.filled : new > old
  }

  mutating func apply(_ news: ExecutionRow) {
    if orderID == nil { orderID = news.orderID }
    guard fills[news.execID] == nil, fills.count < Self.maxFills else { return }
    fills[news.execID] = Fill(
      qty: news.qty, price: news.price, fee: news.fee, feeCurrency: news.feeCurrency,
      isMaker: news.isMaker, at: news.at)
    if let sum = sumOfFills { filledQty = max(filledQty, sum) }
    updatedAt = [updatedAt, news.at].compactMap { $0 }.max()
  }
}

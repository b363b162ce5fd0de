import Approvals
import Bybit
import Decimals
import JSON
import Logging
import Networking
import OperatorProtocol
import Orders
import Risk
import Synchronization
import Time

/// The gateway's own view of the exchange: which account its key reads, the private order stream
/// with backfill, market data of what is pending, and answers about unknown outcomes.
///
/// Concurrency model: four tasks under `run` (account, stream, reader of the stream, market); what
/// they find goes to the kernel as events. `wanted` is the only state they share with callers.
final class ExchangeWatch: Sendable {
  private static let instrumentLife = Milliseconds.minutes(30)
  /// Pages that one backfill reads of each list.
  private static let pageLimit = 20
  /// How soon a newly wanted symbol is noticed.
  private static let glance = Duration.milliseconds(50)
  private static let identityEvery = Duration.seconds(60)
  /// The longest wait before a backfill that failed is tried again.
  private static let longestRetry = Duration.seconds(30)

  private let rest: V5REST
  private let stream: V5PrivateStream?
  private let refresh: Milliseconds
  private let now: @Sendable () -> Timestamp
  private let report: @Sendable (GateEvent) -> Void
  /// Returns when there is room for more rows: until then the stream is not read further.
  private let room: @Sendable () async -> Void
  private let logger: Logger
  private let wanted = Mutex<[Listing]>([])
  private let wake = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
  private let instruments = Mutex<[Listing: Risk.Instrument]>([:])
  /// Categories that the exchange does not offer to the read key.
  private let unoffered = Mutex<Set<Category>>([])

  init(
    rest: V5REST, stream: V5PrivateStream?, refresh: Milliseconds,
    now: @escaping @Sendable () -> Timestamp, logger: Logger,
    report: @escaping @Sendable (GateEvent) -> Void, room: @escaping @Sendable () async -> Void
  ) {
    self.room = room
    self.rest = rest
    self.stream = stream
    self.refresh = refresh
    self.now = now
    self.logger = logger
    self.report = report
  }

  /// Takes the order stream up anew; its owner is told of the gap.
  func renewStream() { stream?.renew() }

  /// Whether a key is configured with which it hears of orders.
  var followsOrders: Bool { stream != nil }

  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.keepMarket() }
      guard let stream = self.stream else { return }
      group.addTask { await self.keepIdentity() }
      group.addTask { await stream.run() }
      group.addTask { await self.follow(stream) }
    }
  }

  /// Keeps the market of these symbols fresh; none stops it.
  func watch(_ symbols: [Listing]) {
    wanted.withLock { $0 = symbols }
    wake.continuation.yield()
  }

  // MARK: Account

  private func keepIdentity() async {
    while !Task.isCancelled {
      do {
        _ = try await rest.synchroniseClock()
        report(.readKeySeen(AccountIdentity(reply: try await rest.apiKey().envelope)))
      } catch {
        logger.warning("the read key's account cannot be read", metadata: ["error": "\(error)"])
        report(.account(.missing("\(error)"), nil))
      }
      guard (try? await Task.sleep(for: Self.identityEvery)) != nil else { return }
    }
  }

  // MARK: Orders

  private func follow(_ stream: V5PrivateStream) async {
    var lostSince: Timestamp?
    for await event in stream {
      await room()
      switch event {
      case .state(.connecting): if lostSince == nil { report(.feed(.connecting)) }
      case .state(.stale(let since, let reason)):
        lostSince = lostSince ?? since
        logger.warning("order stream lost", metadata: ["reason": "\(reason)"])
        report(.feed(.stale(since: lostSince ?? since)))
      case .state(.live): break
      case .gap(let since):
        var failures = 0
        // Frames wait in the stream's buffer meanwhile; a lost connection brings a gap of its own.
        while !Task.isCancelled, await !backfill(since: since) {
          lostSince = lostSince ?? since ?? now()
          report(.feed(.stale(since: lostSince ?? now())))
          failures += 1
          try? await Task.sleep(for: min(.seconds(1 << min(failures, 5)), Self.longestRetry))
        }
        lostSince = nil
        report(.feed(.live))
      case .frame(let frame): deliver(frame)
      }
    }
  }

  private func deliver(_ frame: V5TopicFrame) {
    let rows = frame.rows.compactMap(\.objectValue)
    switch frame.topic.string.split(separator: ".").first {
    case "order": report(.orderRows(rows))
    case "execution": report(.executionRows(rows))
    default: break
    }
  }

  /// Everything that may have changed while nothing was heard. False when it could not be read.
  private func backfill(since: Timestamp?) async -> Bool {
    let start = since.map { ($0 - .seconds(10)).milliseconds }
    for category in Category.allCases where !unoffered.withLock({ $0.contains(category) }) {
      do {
        try await backfill(category, start)
      } catch let error as V5Error where Self.isNotOffered(error) && category != .linear {
        // An account without this category has no orders of it.
        unoffered.withLock { _ = $0.insert(category) }
        logger.warning(
          "the exchange does not offer this category to the read key: its orders are not followed",
          metadata: ["category": "\(category.rawValue)", "error": "\(error)"])
      } catch {
        logger.warning("backfill failed", metadata: ["error": "\(error)"])
        return false
      }
    }
    return true
  }

  private static func isNotOffered(_ error: V5Error) -> Bool {
    error.retCode == .badParameter || error.retCode == .noPermission
  }

  private func backfill(_ category: Category, _ start: Int64?) async throws {
    let name = V5Category(category)
    for coin in Self.settleCoins(of: category) {
      var open = V5REST.Selection(settleCoin: coin, limit: 50)
      report(
        .orderRows(
          try await pages(&open, category) { try await self.rest.openOrders(name, $0) }))
    }
    var closed = V5REST.Selection(startTime: start, limit: 50)
    report(
      .orderRows(
        try await pages(&closed, category) { try await self.rest.orderHistory(name, $0) }))
    var fills = V5REST.Selection(startTime: start, limit: 100)
    report(
      .executionRows(
        try await pages(&fills, category) { try await self.rest.executions(name, $0) }))
  }

  /// Lists of linear contracts are read by settle coin, others whole.
  private static func settleCoins(of category: Category) -> [String?] {
    category == .linear ? ["USDT", "USDC"] : [nil]
  }

  private func pages(
    _ selection: inout V5REST.Selection, _ category: Category,
    _ read: (V5REST.Selection) async throws -> V5Reply
  ) async throws -> [JSONObject] {
    var rows: [JSONObject] = []
    for _ in 0..<Self.pageLimit {
      let reply = try await read(selection).accepted()
      rows += Self.rows(reply, category)
      guard let next = reply.nextPageCursor else { return rows }
      selection.cursor = next
    }
    logger.warning(
      "the newest \(rows.count) rows were read and older ones left out",
      metadata: ["pages": "\(Self.pageLimit)"])
    return rows
  }

  /// Rows with the category that only their list names.
  private static func rows(_ reply: V5Reply, _ category: Category) -> [JSONObject] {
    reply.list.compactMap(\.objectValue).map { row in
      var row = row
      row["category"] = .string(Text(category.rawValue))
      return row
    }
  }

  /// These orders wherever the exchange keeps them, and their executions.
  func read(_ keys: [OrderKey]) async -> ExchangeReading {
    guard stream != nil else { return .failed("no read key is configured") }
    do {
      var orders: [JSONObject] = []
      var executions: [JSONObject] = []
      for key in keys {
        let category = V5Category(key.category)
        // The exchange heeds its own id first.
        let selection = V5REST.Selection(
          symbol: key.symbol.string, orderId: key.orderID?.string,
          orderLinkId: key.orderID == nil ? key.orderLinkID?.string : nil)
        func rows(_ reply: V5Reply) throws -> [JSONObject] {
          Self.rows(try reply.accepted(), key.category)
        }
        orders += try rows(await rest.openOrders(category, selection))
        orders += try rows(await rest.orderHistory(category, selection))
        executions += try rows(await rest.executions(category, selection))
      }
      return .rows(orders: orders, executions: executions)
    } catch {
      return .failed("\(error)")
    }
  }

  // MARK: Market

  private func keepMarket() async {
    var wakes = wake.stream.makeAsyncIterator()
    while !Task.isCancelled {
      let symbols = wanted.withLock { $0 }
      if symbols.isEmpty {
        guard await wakes.next() != nil else { return }
        continue
      }
      for (category, listed) in Dictionary(grouping: symbols, by: \.category) {
        var seen = MarketSnapshot()
        for one in listed { seen.symbols[one.symbol] = await market(of: one) }
        report(.market(seen, category))
        if stream != nil { report(.account(await account(category), category)) }
      }
      guard await pause(while: symbols) else { return }
    }
  }

  /// Waits for the next round, or less when other symbols are wanted. False when cancelled.
  private func pause(while symbols: [Listing]) async -> Bool {
    let next = ContinuousClock.now + .milliseconds(refresh.count)
    while ContinuousClock.now < next, wanted.withLock({ $0 == symbols }) {
      guard (try? await Task.sleep(for: Self.glance)) != nil else { return false }
    }
    return true
  }

  private func market(of listing: Listing) async -> SymbolMarket {
    var market = SymbolMarket()
    market.instrument = await instrument(listing)
    let category = V5Category(listing.category)
    guard
      let ticker = try? await rest.tickers(category, symbol: listing.symbol.string).accepted(),
      let row = ticker.list.first
    else { return market }
    func price(_ key: Text) -> ExactDecimal? { row[key]?.stringValue.flatMap { ExactDecimal($0) } }
    market.mark = price("markPrice")
    market.index = price("indexPrice") ?? price("usdIndexPrice")
    market.underlying = price("underlyingPrice")
    market.last = price("lastPrice")
    market.bid = price("bid1Price")
    market.ask = price("ask1Price")
    market.bidSize = price("bid1Size")
    market.askSize = price("ask1Size")
    market.engineTime = ticker.time
    return market
  }

  private func instrument(_ listing: Listing) async -> Risk.Instrument? {
    let known = instruments.withLock { $0[listing] }
    if let known, now() - known.fetchedAt < Self.instrumentLife { return known }
    let category = V5Category(listing.category)
    guard
      let reply = try? await rest.instruments(category, symbol: listing.symbol.string).accepted(),
      let row = reply.list.first,
      let fresh = try? Risk.Instrument(
        row: JSONCursor(row), category: listing.category, fetchedAt: now())
    else { return known }
    instruments.withLock { $0[listing] = fresh }
    return fresh
  }

  /// Positions and open orders of one category.
  private func account(_ category: Category) async -> AccountSnapshot {
    let name = V5Category(category)
    do {
      var positions: [JSONObject] = []
      var open: [JSONObject] = []
      for coin in Self.settleCoins(of: category) {
        if category != .spot {
          var selection = V5REST.Selection(settleCoin: coin)
          positions += try await pages(&selection, category) {
            try await self.rest.positions(name, settleCoin: $0.settleCoin, cursor: $0.cursor)
          }
        }
        var selection = V5REST.Selection(settleCoin: coin, limit: 50)
        open += try await pages(&selection, category) {
          try await self.rest.openOrders(name, $0)
        }
      }
      let wallet = try await rest.walletBalance().accepted()
      return .known(
        Account(
          positions: positions.compactMap { Account.Position(row: .object($0)) },
          openOrders: open.compactMap { Account.OpenOrder(row: .object($0)) },
          equity: wallet.list.first?["totalEquity"]?.stringValue.flatMap { ExactDecimal($0) },
          asOf: now()))
    } catch {
      return .missing("\(error)")
    }
  }
}

extension V5Category {
  init(_ category: Category) {
    self =
      switch category {
      case .spot: .spot
      case .linear: .linear
      case .inverse: .inverse
      case .option: .option
      }
  }
}

extension Account.Position {
  fileprivate init?(row: JSONValue) {
    guard let symbol = row["symbol"]?.textValue,
      let size = row["size"]?.stringValue.flatMap({ ExactDecimal($0) })
    else { return nil }
    self.init(
      symbol: symbol, index: row["positionIdx"]?.intValue ?? 0,
      size: row["side"]?.textValue == "Sell" ? -size : size)
  }
}

extension Account.OpenOrder {
  fileprivate init?(row: JSONValue) {
    guard let symbol = row["symbol"]?.textValue,
      let side = row["side"]?.textValue.flatMap(Side.init(exactly:))
    else { return nil }
    let price = row["price"]?.stringValue.flatMap { ExactDecimal($0) }
    self.init(
      symbol: symbol, side: side,
      price: row["orderType"]?.textValue == "Limit" ? price : nil,
      isConditional: row["orderStatus"]?.textValue == "Untriggered")
  }
}

import Approvals
import Bybit
import Decimals
import JSON
import Logging
import Networking
import Orders
import Risk
import Synchronization
import Time

/// Keeps the market of pending batches and the account fresh: prices and books by public streams, with
/// REST in their place while a stream is down, what changes slowly by REST, each once for all batches.
///
/// Concurrency model: while something is wanted, one task under `run` makes rounds, one for each category
/// reads its stream, and one tells what streams brought. What they know lies in `state`; what they find
/// goes to the kernel as events.
final class MarketWatch: Sendable {
  private static let instrumentLife = Milliseconds.minutes(30)
  private static let candleLife = Milliseconds.minutes(1)
  private static let settingsLife = Milliseconds.minutes(5)
  /// Older stream data are read by REST in the next round.
  private static let streamStale = Milliseconds.seconds(4)
  /// News of a stream reach the kernel at most so often.
  private static let newsEvery = Milliseconds.milliseconds(250)
  private static let glance = Duration.milliseconds(50)
  /// A stream in which nothing changes is silent: pongs show that it lives.
  private static let pingEvery = Duration.seconds(3)
  private static let reconnectAfter = Duration.seconds(2)
  private static let connectWithin = Duration.seconds(10)
  private static let bookDepth = 200
  /// Symbols whose instruments and fees are kept when nobody wants them any more.
  private static let remembered = 1_000
  /// Pages that are read of positions and of open orders.
  private static let pageLimit = 20

  fileprivate struct Known {
    var market = SymbolMarket()
    var candlesAt: Timestamp?
    /// Whether the open stream has told its state.
    var isStreamed = false
    /// Marks of the last seconds, oldest first.
    var marks: [(at: Timestamp, price: ExactDecimal)] = []
  }

  private struct State {
    var wanted: [Listing] = []
    var known: [Listing: Known] = [:]
    /// Of which a stream brought something since it was told last.
    var fresh: Set<Listing> = []
    /// When the category's stream was heard last, pongs included.
    var heardAt: [Category: Timestamp] = [:]
    var account: AccountTerms?
    var fees: [Listing: (rates: Account.Fees, readAt: Timestamp)] = [:]
  }

  /// What changes slowly about the account.
  private struct AccountTerms {
    var marginMode: Account.MarginMode?
    var protection: Bool?
    var settings: JSONValue = .null
    var readAt: Timestamp
    /// The equity when the day began, or when it was first seen in it.
    var dayStart: (day: Int64, equity: ExactDecimal)?
  }

  private let rest: V5REST
  private let stream: WebURL
  private let security: any ConnectionSecurity
  private let hasKey: Bool
  private let refresh: Milliseconds
  private let now: @Sendable () -> Timestamp
  private let report: @Sendable (GateEvent) -> Void
  private let logger: Logger
  private let state = Mutex(State())
  private let wake = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  init(
    rest: V5REST, stream: WebURL, security: any ConnectionSecurity, hasKey: Bool,
    refresh: Milliseconds, now: @escaping @Sendable () -> Timestamp, logger: Logger,
    report: @escaping @Sendable (GateEvent) -> Void
  ) {
    self.rest = rest
    self.stream = stream
    self.security = security
    self.hasKey = hasKey
    self.refresh = refresh
    self.now = now
    self.logger = logger
    self.report = report
  }

  /// Keeps these fresh; none stops it.
  func watch(_ listings: [Listing]) {
    state.withLock { state in
      state.wanted = listings
      let wanted = Set(listings)
      if state.known.count > Self.remembered {
        state.known = state.known.filter { wanted.contains($0.key) }
        state.fees = state.fees.filter { wanted.contains($0.key) }
      }
      // What nobody wants grows old; its instrument is worth keeping.
      for listing in state.known.keys where !wanted.contains(listing) {
        let instrument = state.known[listing]?.market.instrument
        state.known[listing] = Known()
        state.known[listing]?.market.instrument = instrument
      }
      state.fresh.formIntersection(wanted)
    }
    wake.continuation.yield()
  }

  func run() async {
    for await _ in wake.stream {
      let isWanted = state.withLock { !$0.wanted.isEmpty }
      if isWanted { await keepFresh() }
    }
  }

  /// Until nothing is wanted any more: then nothing runs at all.
  private func keepFresh() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.rounds() }
      group.addTask { await self.tellNews() }
      for category in Category.allCases { group.addTask { await self.follow(category) } }
      // Only the rounds end by themselves.
      _ = await group.next()
      group.cancelAll()
    }
  }

  /// Lists of linear contracts are read by settle coin, others whole.
  private static func settleCoins(_ category: Category) -> [String?] {
    category == .linear ? ["USDT", "USDC"] : [nil]
  }

  private func wanted(_ category: Category) -> [Listing] {
    state.withLock { $0.wanted.filter { $0.category == category } }
  }

  // MARK: Rounds

  private func rounds() async {
    while !Task.isCancelled {
      let wanted = state.withLock { $0.wanted }
      if wanted.isEmpty { return }
      for (category, listings) in Dictionary(grouping: wanted, by: \.category)
        .sorted(by: { $0.key.rawValue < $1.key.rawValue })
      {
        await withDiscardingTaskGroup { group in
          for listing in listings { group.addTask { await self.readPrices(of: listing) } }
        }
        tell(listings, of: category)
        if hasKey { report(.account(await account(category, listings), category)) }
      }
      // Prices come first: what moves slowly is added when it is there.
      for listing in wanted { await readSlow(listing) }
      guard await pause(while: wanted) else { return }
    }
  }

  /// Waits for the next round, or less when other symbols are wanted. False when cancelled.
  private func pause(while wanted: [Listing]) async -> Bool {
    let next = ContinuousClock.now + .milliseconds(refresh.count)
    while ContinuousClock.now < next, state.withLock({ $0.wanted == wanted }) {
      guard (try? await Task.sleep(for: Self.glance)) != nil else { return false }
    }
    return true
  }

  /// Tells what is known of these: the checks of others have nothing to do with it.
  private func tell(_ listings: [Listing], of category: Category) {
    let snapshot = state.withLock { state in
      state.fresh.subtract(listings)
      let heardAt = state.heardAt[category]
      return MarketSnapshot(
        Dictionary(
          uniqueKeysWithValues: listings.map {
            ($0.symbol, state.known[$0]?.market(heardAt: heardAt) ?? SymbolMarket())
          }))
    }
    report(.market(snapshot, category))
  }

  private func change(_ listing: Listing, _ body: (inout Known) -> Void) {
    state.withLock { body(&$0.known[listing, default: Known()]) }
  }

  /// Ticker, book and price limit, unless the stream has just told them; the instrument once.
  private func readPrices(of listing: Listing) async {
    await readInstrument(listing)
    let name = V5Category(listing.category)
    let symbol = listing.symbol.string
    let heardAt = state.withLock { state in
      state.known[listing]?.isStreamed == true ? state.heardAt[listing.category] : nil
    }
    if heardAt.map({ now() - $0 > Self.streamStale }) ?? true {
      if let reply = try? await rest.tickers(name, symbol: symbol).accepted(),
        let row = reply.list.first
      {
        let moment = reply.time ?? now()
        change(listing) { $0.take(row, at: moment) }
      }
      if let reply = try? await rest.orderBook(name, symbol: symbol, limit: Self.bookDepth)
        .accepted(), let book = BookSnapshot(row: reply.result, at: reply.time ?? now())
      {
        change(listing) { $0.market.book = book }
      }
    }
    guard listing.category != .option,
      let reply = try? await rest.priceLimit(name, symbol: symbol).accepted()
    else { return }
    let moment = reply.time ?? now()
    change(listing) { $0.market.read(priceLimit: reply.result, at: moment) }
  }

  private func readInstrument(_ listing: Listing) async {
    let known = state.withLock { $0.known[listing]?.market.instrument }
    if let known, now() - known.fetchedAt < Self.instrumentLife { return }
    let name = V5Category(listing.category)
    let symbol = listing.symbol.string
    guard let reply = try? await rest.instruments(name, symbol: symbol).accepted(),
      let row = reply.list.first,
      var fresh = try? Risk.Instrument(
        row: JSONCursor(row), category: listing.category, fetchedAt: now())
    else { return }
    if listing.category == .linear || listing.category == .inverse {
      let tiers = try? await rest.riskLimits(name, symbol: symbol).accepted()
      fresh.tiers = (tiers?.list ?? []).compactMap {
        try? Risk.Instrument.Tier(row: JSONCursor($0))
      }
    }
    let instrument = fresh
    change(listing) { $0.market.instrument = instrument }
  }

  /// Volatility, which one look a minute is enough for.
  private func readSlow(_ listing: Listing) async {
    let readAt = state.withLock { $0.known[listing]?.candlesAt }
    guard listing.category != .option, readAt.map({ now() - $0 >= Self.candleLife }) ?? true
    else { return }
    let moment = now()
    change(listing) { $0.candlesAt = moment }
    let name = V5Category(listing.category)
    func closes(_ interval: String, _ limit: Int) async -> [ExactDecimal] {
      let reply = try? await rest.candles(
        name, symbol: listing.symbol.string, interval: interval, limit: limit
      ).accepted()
      return (reply?.list ?? []).reversed().compactMap { row in
        row.arrayValue.flatMap { $0.count > 4 ? $0[4].stringValue : nil }
          .flatMap { ExactDecimal($0) }
      }
    }
    let minutes = await closes("1", 240)
    let days = await closes("D", 31)
    guard !minutes.isEmpty else { return }
    change(listing) { $0.market.read(minutes: minutes, days: days, at: moment) }
  }

  // MARK: Streams

  /// Tells the kernel what streams brought, together and not too often.
  private func tellNews() async {
    while (try? await Task.sleep(for: .milliseconds(Self.newsEvery.count))) != nil {
      let fresh = state.withLock { state in state.wanted.filter { state.fresh.contains($0) } }
      for (category, listings) in Dictionary(grouping: fresh, by: \.category) {
        tell(listings, of: category)
      }
    }
  }

  /// Reads the stream of a category for as long as something of it is wanted.
  private func follow(_ category: Category) async {
    while !Task.isCancelled {
      if !wanted(category).isEmpty {
        do {
          try await converse(category)
        } catch is CancellationError {
          continue
        } catch {
          logger.debug(
            "market stream lost",
            metadata: ["category": "\(category.rawValue)", "error": "\(error)"])
          guard (try? await Task.sleep(for: Self.reconnectAfter)) != nil else { return }
        }
      }
      guard (try? await Task.sleep(for: .milliseconds(Self.newsEvery.count))) != nil else { return }
    }
  }

  private func converse(_ category: Category) async throws {
    let socket = try await V5PublicStream.open(
      stream, V5Category(category), security: security, deadline: .now + Self.connectWithin)
    defer {
      socket.abort()
      state.withLock { state in
        for listing in state.known.keys where listing.category == category {
          state.known[listing]?.isStreamed = false
        }
      }
    }
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await self.read(socket, category) }
      group.addTask {
        while true {
          try await Task.sleep(for: Self.pingEvery)
          try await socket.ping()
        }
      }
      group.addTask { try await self.subscribe(socket, category) }
    }
  }

  /// Follows what is wanted; ends the conversation when nothing is.
  private func subscribe(_ socket: V5PublicStream, _ category: Category) async throws {
    var have: Set<String> = []
    while true {
      let want = Set(wanted(category).flatMap(Self.topics))
      if want.isEmpty {
        socket.abort()
        throw CancellationError()
      }
      let (new, old) = (want.subtracting(have), have.subtracting(want))
      if !new.isEmpty { try await socket.subscribe(new.sorted()) }
      if !old.isEmpty { try await socket.unsubscribe(old.sorted()) }
      have = want
      try await Task.sleep(for: Self.glance)
    }
  }

  private static func topics(_ listing: Listing) -> [String] {
    let depth = listing.category == .option ? 100 : 50
    return ["tickers.\(listing.symbol)", "orderbook.\(depth).\(listing.symbol)"]
  }

  private func read(_ socket: V5PublicStream, _ category: Category) async throws {
    // Aborting the socket is what ends a read that waits.
    try await withTaskCancellationHandler {
      while true {
        let frame = try await socket.next()
        let moment = now()
        state.withLock { $0.heardAt[category] = moment }
        guard let frame else { continue }
        let words = frame.topic.string.split(separator: ".")
        guard let name = words.last else { continue }
        let listing = Listing(category, Text(name))
        guard state.withLock({ $0.wanted.contains(listing) }) else { continue }
        change(listing) { known in
          if words.first == "tickers" {
            known.take(frame.data, at: frame.time)
          } else {
            known.takeBook(frame)
          }
        }
        state.withLock { _ = $0.fresh.insert(listing) }
      }
    } onCancel: {
      socket.abort()
    }
  }

  // MARK: Account

  private func account(_ category: Category, _ listings: [Listing]) async -> AccountSnapshot {
    let name = V5Category(category)
    do {
      var account = Account(asOf: now())
      if category != .spot {
        for coin in Self.settleCoins(category) {
          account.positions += try await pages {
            try await self.rest.positions(name, settleCoin: coin, cursor: $0)
          }.compactMap { Account.Position(row: $0) }
        }
        // A symbol without a position still has its leverage and mode.
        for listing in listings
        where !account.positions.contains(where: { $0.symbol == listing.symbol }) {
          // A symbol that an agent made up must not hide the account from all others.
          let own = try? await rest.positions(name, symbol: listing.symbol.string).accepted()
          account.positions += (own?.list ?? []).compactMap { Account.Position(row: $0) }
        }
      }
      for coin in Self.settleCoins(category) {
        account.openOrders += try await pages {
          try await self.rest.openOrders(
            name, V5REST.Selection(settleCoin: coin, limit: 50, cursor: $0))
        }.compactMap { Account.OpenOrder(row: $0) }
      }
      if let wallet = try await rest.walletBalance().accepted().list.first {
        account.read(wallet: wallet)
      }
      for listing in listings { account.fees[listing.symbol] = await fees(listing) }
      await addTerms(&account)
      account.clockOffset = rest.clockOffset?.offset
      return .known(account)
    } catch {
      return .missing("\(error)")
    }
  }

  /// The account's own rates; nil where they cannot be read.
  private func fees(_ listing: Listing) async -> Account.Fees? {
    let known = state.withLock { $0.fees[listing] }
    let moment = now()
    if let known, moment - known.readAt < Self.settingsLife { return known.rates }
    let reply = try? await rest.feeRates(
      V5Category(listing.category), symbol: listing.symbol.string
    ).accepted()
    guard let fresh = reply?.list.first.flatMap({ Account.Fees(row: $0) }) else {
      return known?.rates
    }
    state.withLock { $0.fees[listing] = (fresh, moment) }
    return fresh
  }

  private struct TooManyPages: Error, CustomStringConvertible {
    var description: String { "the account has more than \(pageLimit) pages of these" }
  }

  /// All rows of a list: a part of them would make the account look smaller than it is.
  private func pages(_ read: (String?) async throws -> V5Reply) async throws -> [JSONValue] {
    var rows: [JSONValue] = []
    var cursor: String?
    for _ in 0..<Self.pageLimit {
      let reply = try await read(cursor).accepted()
      rows += reply.list
      guard let next = reply.nextPageCursor else { return rows }
      cursor = next
    }
    throw TooManyPages()
  }

  /// Margin mode, settings and the result of the day.
  private func addTerms(_ account: inout Account) async {
    let moment = now()
    var terms = state.withLock { $0.account }
    if terms.map({ moment - $0.readAt >= Self.settingsLife }) ?? true {
      let info = try? await rest.accountInfo().accepted().result
      let settings = try? await rest.userSettings().accepted().result
      var fresh = AccountTerms(readAt: moment)
      fresh.dayStart = terms?.dayStart
      fresh.marginMode = info?["marginMode"]?.stringValue.flatMap(Account.MarginMode.init)
      fresh.protection = info?["dcpStatus"]?.stringValue.map { $0 == "ON" }
      fresh.settings = settings ?? .null
      terms = fresh
    }
    let day = moment.milliseconds / 86_400_000
    if let equity = account.equity, terms?.dayStart?.day != day {
      terms?.dayStart = (day, equity)
    }
    account.marginMode = terms?.marginMode
    account.disconnectionProtection = terms?.protection
    account.read(settings: terms?.settings ?? .null)
    if let start = terms?.dayStart?.equity, let equity = account.equity {
      account.dayResult = try? equity - start
    }
    let kept = terms
    state.withLock { $0.account = kept }
  }
}

extension MarketWatch.Known {
  fileprivate static let moveWindow = Milliseconds.seconds(10)

  /// The market as of when its stream was heard last: what it does not say has not changed.
  fileprivate func market(heardAt: Timestamp?) -> SymbolMarket {
    guard isStreamed, let heardAt else { return market }
    var market = market
    market.engineTime = market.engineTime.map { max($0, heardAt) }
    if let told = market.book?.asOf { market.book?.asOf = max(told, heardAt) }
    return market
  }

  fileprivate mutating func take(_ ticker: JSONValue, at moment: Timestamp) {
    market.read(ticker: ticker, at: moment)
    guard let mark = market.mark, mark.isPositive else { return }
    if marks.last?.at != moment { marks.append((moment, mark)) }
    marks.removeAll { moment - $0.at > Self.moveWindow }
    market.move10s = marks.first.flatMap { first in
      try? (mark - first.price).divided(by: first.price, scale: 8, rounding: .halfEven)
    }
  }

  /// A snapshot begins a book; a change without one means nothing.
  fileprivate mutating func takeBook(_ frame: V5PublicFrame) {
    if frame.isSnapshot {
      market.book = BookSnapshot(row: frame.data, at: frame.time)
      market.book?.asOf = frame.time
      isStreamed = true
    } else {
      market.book?.take(change: frame.data, at: frame.time)
    }
    // The ticker is silent while nothing trades; the book's time is the matching engine's.
    if let bid = market.book?.bids.first, let ask = market.book?.asks.first {
      (market.bid, market.bidSize) = (bid.price, bid.size)
      (market.ask, market.askSize) = (ask.price, ask.size)
      market.engineTime = max(market.engineTime ?? frame.time, frame.time)
    }
  }
}

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

/// The gateway's own view of its orders: which account its key reads, the private order stream with
/// backfill, and answers about unknown outcomes. Prices and positions are `MarketWatch`'s.
///
/// Concurrency model: three tasks under `run` (account, stream, reader of the stream); what they find
/// goes to the kernel as events. `unoffered` is written by the reader alone.
final class ExchangeWatch: Sendable {
  /// Pages that one backfill reads of each list.
  private static let pageLimit = 20
  private static let identityEvery = Duration.seconds(60)
  /// The longest wait before a backfill that failed is tried again.
  private static let longestRetry = Duration.seconds(30)

  private let rest: V5REST
  private let stream: V5PrivateStream?
  private let now: @Sendable () -> Timestamp
  private let report: @Sendable (GateEvent) -> Void
  /// Returns when there is room for more rows: until then the stream is not read further.
  private let room: @Sendable () async -> Void
  private let logger: Logger
  private let market: MarketWatch
  /// Categories that the exchange does not offer to the read key.
  private let unoffered = Mutex<Set<Category>>([])

  init(
    rest: V5REST, stream: V5PrivateStream?, market: MarketWatch,
    now: @escaping @Sendable () -> Timestamp, logger: Logger,
    report: @escaping @Sendable (GateEvent) -> Void, room: @escaping @Sendable () async -> Void
  ) {
    self.room = room
    self.rest = rest
    self.stream = stream
    self.market = market
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
      group.addTask { await self.market.run() }
      guard let stream = self.stream else { return }
      group.addTask { await self.keepIdentity() }
      group.addTask { await stream.run() }
      group.addTask { await self.follow(stream) }
    }
  }

  /// Keeps the market of these fresh; none stops it.
  func watch(_ listings: [Listing]) { market.watch(listings) }

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
    report(.openOrders(try await openOrders(category)))
    let closed = V5REST.Selection(startTime: start, limit: 50)
    let (ended, _) = try await pages(closed, category) {
      try await self.rest.orderHistory(name, $0)
    }
    report(.orderRows(ended))
    let fills = V5REST.Selection(startTime: start, limit: 100)
    let (executions, _) = try await pages(fills, category) {
      try await self.rest.executions(name, $0)
    }
    report(.executionRows(executions))
  }

  private func openOrders(_ category: Category) async throws -> OpenOrders {
    let name = V5Category(category)
    var found = OpenOrders(rows: [], complete: [category], readAt: now())
    for coin in Self.settleCoins(of: category) {
      let selection = V5REST.Selection(settleCoin: coin, limit: 50)
      let (rows, isWhole) = try await pages(selection, category) {
        try await self.rest.openOrders(name, $0)
      }
      found.rows += rows
      if !isWhole { found.complete = [] }
    }
    return found
  }

  /// What is open in every category that the read key is offered; a category that cannot be read is
  /// not complete.
  func openOrders() async -> OpenOrders {
    var all = OpenOrders(rows: [], complete: [], readAt: now())
    for category in Category.allCases where !unoffered.withLock({ $0.contains(category) }) {
      do {
        let one = try await openOrders(category)
        all.rows += one.rows
        all.complete.formUnion(one.complete)
      } catch {
        logger.warning(
          "open orders cannot be read",
          metadata: ["category": "\(category.rawValue)", "error": "\(error)"])
      }
    }
    return all
  }

  /// Lists of linear contracts are read by settle coin, others whole.
  private static func settleCoins(of category: Category) -> [String?] {
    category == .linear ? ["USDT", "USDC"] : [nil]
  }

  /// The rows of a list, and whether that is all of it.
  private func pages(
    _ first: V5REST.Selection, _ category: Category,
    _ read: (V5REST.Selection) async throws -> V5Reply
  ) async throws -> (rows: [JSONObject], isWhole: Bool) {
    var selection = first
    var rows: [JSONObject] = []
    for _ in 0..<Self.pageLimit {
      let reply = try await read(selection).accepted()
      rows += Self.rows(reply, category)
      guard let next = reply.nextPageCursor else { return (rows, true) }
      selection.cursor = next
    }
    logger.warning(
      "the newest \(rows.count) rows were read and older ones left out",
      metadata: ["pages": "\(Self.pageLimit)"])
    return (rows, false)
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

package import Decimals
package import Exchange
package import JSON
package import Time

/// One API key of the paper account.
package struct PaperKey: Sendable {
  package let key: Text
  package let secret: String
  /// A key that may not trade reads everything and gets 10005 on orders.
  package let canTrade: Bool

  package init(key: Text, secret: String, canTrade: Bool) {
    self.key = key
    self.secret = secret
    self.canTrade = canTrade
  }
}

/// How a paper exchange is set up.
package struct PaperConfiguration: Sendable {
  package var host: String
  /// 0 takes any free port.
  package var port: Int
  /// Equal seeds and requests give equal markets and ids.
  package var seed: UInt64
  package var keys: [PaperKey]
  /// JSON Lines of everything that arrived and was sent; nil keeps the last lines in memory only.
  package var logPath: String?
  /// The user id that every key belongs to.
  package var account = AccountID(24_617_703)
  /// Coins at the start.
  package var deposits: [Text: ExactDecimal] = ["USDT": 100_000]
  package var prices = PricePlan.calm
  /// Prices that are played instead of the markets' own walks.
  package var recording: PriceRecording?
  /// The moment for which listings with an end are made; a server takes the present.
  package var start = Listing.usualStart
  package var band = BandPolicy.reprice
  /// How often the market moves; nil: only when told to.
  package var tick: Milliseconds? = .milliseconds(100)
  /// How long after the answer the first event of an order is sent.
  package var eventDelay = Milliseconds.milliseconds(20)
  /// What goes wrong on purpose from the start.
  package var faults: [FaultRule] = []
  package var clock = Clock.machine
  package var rates = PaperRates()
  package var limits = PaperLimits()

  /// Where the exchange's time comes from.
  package enum Clock: Sendable {
    case machine
    /// It stands still from this moment on and moves only when told to.
    case stepped(from: Timestamp)
  }

  package init(
    host: String = "127.0.0.1", port: Int = 0, seed: UInt64 = 1, keys: [PaperKey] = [],
    logPath: String? = nil
  ) {
    self.host = host
    self.port = port
    self.seed = seed
    self.keys = keys
    self.logPath = logPath
  }
}

/// Requests a second and account.
package struct PaperRates: Sendable {
  /// Orders of each kind of request, in a category; nil: the usual ones.
  package var orders: Int?
  package var reads = 50
  /// Changes of leverage, modes and stops.
  package var settings = 10

  package init(orders: Int? = nil) { self.orders = orders }

  /// Creates, amends and cancels have a budget each, and so have the batches of each.
  func orders(_ category: Category) -> Int { orders ?? (category == .spot ? 20 : 10) }
}

/// How much anybody may send, hold open or leave unread.
package struct PaperLimits: Sendable {
  package var connections = 256
  package var bodyBytes = 256 << 10
  package var headerBytes = 16 << 10
  package var headerFields = 64
  /// Pieces of further requests that wait while an answer is held back.
  package var backlog = 32
  package var frameBytes = 256 << 10
  package var fragments = 16
  /// Unread bytes of one client before it is disconnected.
  package var unreadBytes = 4 << 20
  /// Seconds in which a whole request must have arrived, idle time included.
  package var requestSeconds: Int64 = 60
  /// Seconds without a byte after which a WebSocket is closed unless `max_active_time` says less.
  package var socketSeconds: Int64 = 600
  /// Private and trade sockets of one key.
  package var sessions = 100
  package var topicsPerSocket = 200
  package var topicsPerRequest = 32
  /// Request ids of one connection that are remembered against repeats.
  package var requestIDs = 20_000
  /// Events that wait for their delay.
  package var waitingEvents = 50_000
  /// Log lines that GET /paper/log can return.
  package var logLines = 10_000
  package var logBytes = 16 << 20
  package var json = JSONLimits(
    bytes: 256 << 10, depth: 16, stringBytes: 8 << 10, numberBytes: 40, values: 1 << 13)

  package init() {}

  /// Legs of one batch.
  static func batch(_ category: Category) -> Int { category == .spot ? 10 : 20 }
  static let requestIDBytes = 36
}

import Exchange
import JSON
import Time

/// Which WebSocket a client opened.
enum SocketKind: String, Sendable, CaseIterable {
  case trade = "/v5/trade"
  case privateStream = "/v5/private"
  case publicLinear = "/v5/public/linear"
  case publicInverse = "/v5/public/inverse"
  case publicSpot = "/v5/public/spot"
  case publicOption = "/v5/public/option"

  /// The word that stands for it in the names of faults.
  var word: Text {
    switch self {
    case .trade: "trade"
    case .privateStream: "private"
    case .publicLinear, .publicInverse, .publicSpot, .publicOption: "public"
    }
  }

  /// The category of a public stream.
  var category: Category? {
    switch self {
    case .trade, .privateStream: nil
    case .publicLinear: .linear
    case .publicInverse: .inverse
    case .publicSpot: .spot
    case .publicOption: .option
    }
  }
}

/// What is known of one WebSocket.
struct Socket: Sendable {
  let kind: SocketKind
  var key: PaperKey?
  var topics: Set<Text> = []
  /// Whether it carries no private events any more, though it is open.
  var isSilent = false
  private var seen: Set<Text> = []
  private var order: [Text] = []

  init(_ kind: SocketKind) { self.kind = kind }

  /// Whether it has this topic, in one of its categories or whole.
  func hears(_ topic: Text) -> Bool {
    topics.contains(topic) || topics.contains { $0.hasPrefix("\(topic).") }
  }

  /// Remembers a request id; false when this connection used it before.
  mutating func isFresh(_ id: Text, limit: Int) -> Bool {
    guard seen.insert(id).inserted else { return false }
    order.append(id)
    if order.count > limit {
      for old in order.prefix(limit / 10) { seen.remove(old) }
      order.removeFirst(limit / 10)
    }
    return true
  }
}

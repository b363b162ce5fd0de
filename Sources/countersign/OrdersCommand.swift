import ArgumentParser
import Gateway
import JSON
import Networking
import OperatorConsole
import OperatorProtocol
import Time

struct OrdersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "orders",
    abstract: "Show orders by batch with their progress, orders made elsewhere, and fills.",
    discussion: """
      Prices are compared with the one at approval: "slip" is how much worse the average is, in basis \
      points. With --watch news follow as they come; while the gateway cannot be reached, or does not \
      hear from the exchange, a line says since when what is shown is stale. With --json --watch every \
      line is one event.
      """)
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var output: JSONOption
  @Flag(help: "Go on until interrupted, with news as they come.") var watch = false

  private static let pause = Duration.seconds(1)

  func run() async throws {
    let client = try gateway.client()
    let status = try await client.status()
    let all = try await client.orders()
    let batches = try await client.batches()
    if output.json {
      let page: JSONValue = [
        "feed": status.feed.json, "orders": .array(all.orders.map(\.json)),
        "fills": .array(all.fills.map(\.json)),
      ]
      guard watch else { return Standard.json(page) }
      Standard.line(JSONWriter.text(of: page))
    } else {
      for line in OrderLines.page(all.orders, all.fills, batches, status.feed) {
        Standard.line(line)
      }
    }
    if watch { try await follow(client, status.feed) }
  }

  /// News until the command is interrupted. A lost connection is told, and taken up again where it
  /// ended.
  private func follow(_ client: OperatorClient, _ first: FeedState) async throws {
    var feed = first
    var last: String?
    var lostSince: Timestamp?
    while true {
      do {
        let stream = try await client.events(after: last)
        if lostSince != nil {
          lostSince = nil
          tell("the gateway is heard again")
        }
        for try await event in stream {
          if let id = event.id { last = id }
          try await show(try OperatorClient.event(event), &feed, client)
        }
      } catch let error as OperatorClientError where error.refusal != nil {
        throw error
      } catch {
        if lostSince == nil {
          lostSince = SystemClock.now()
          tell("stale since \(SystemClock.now().clock)Z: \(error)")
        }
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func show(
    _ event: OperatorEvent, _ feed: inout FeedState, _ client: OperatorClient
  ) async throws {
    if output.json {
      switch event {
      case .ledger: return
      default:
        return Standard.line(
          JSONWriter.text(of: ["event": .string(event.name), "data": event.payload]))
      }
    }
    switch event {
    case .order(let leg): Standard.line(OrderLines.line(leg, withBatch: true))
    case .fill(let fill): Standard.line(Plain.line(fill))
    case .batch(let batch): Standard.line(OrderLines.head(batch))
    case .status(let status):
      guard status.feed != feed else { return }
      feed = status.feed
      tell(OrderLines.words(feed))
    case .reset:
      let all = try await client.orders()
      tell("news were lost; this is all there is")
      for line in OrderLines.page(all.orders, all.fills, try await client.batches(), feed) {
        Standard.line(line)
      }
    case .ledger: break
    }
  }

  private func tell(_ words: String) {
    if output.json {
      Standard.line(JSONWriter.text(of: ["event": "feed", "data": ["words": .string(words)]]))
    } else {
      Standard.line(Plain.safe(words))
    }
  }
}

/// Orders as plain lines.
enum OrderLines {
  /// Batches newest first with their legs, then orders made elsewhere, then fills.
  static func page(
    _ orders: [LegView], _ fills: [FillView], _ batches: [BatchSummary], _ feed: FeedState
  ) -> [String] {
    var lines = [words(feed)]
    let ours = Dictionary(grouping: orders.filter { $0.batch != nil }, by: \.batch)
    let known = Dictionary(uniqueKeysWithValues: batches.map { ($0.id, $0) })
    for id in ours.keys.compactMap(\.self).sorted(by: >) {
      let legs = (ours[id] ?? []).sorted { $0.leg < $1.leg }
      lines.append(known[id].map(head) ?? "\(id)")
      lines.append("  \(progress(legs))")
      lines += (legs + orders.filter { $0.origin?.batch == id }).map {
        "  " + line($0, withBatch: false)
      }
    }
    let others = orders.filter { order in
      order.batch == nil && order.origin.map { ours[$0.batch] == nil } ?? true
    }
    if !others.isEmpty {
      lines.append("made elsewhere")
      lines += others.map { "  " + line($0, withBatch: false) }
    }
    if !fills.isEmpty {
      lines.append("fills")
      lines += fills.map { "  " + Plain.line($0) }
    }
    return lines
  }

  static func words(_ feed: FeedState) -> String {
    switch feed {
    case .notConfigured: "order feed: none, no read key is configured"
    case .connecting: "order feed: connecting"
    case .live: "order feed: live"
    case .stale(let since): "order feed: stale since \(since.clock)Z"
    case .polled(let gap, let asOf):
      "order feed: read through the upstream every \(gap), last at \(asOf.clock)Z"
    }
  }

  static func head(_ batch: BatchSummary) -> String {
    var words =
      "\(batch.id)  \(batch.state.rawValue)  \(Plain.safe(batch.agent))  "
      + Plain.safe(batch.tool)
    if !batch.outcome.isEmpty { words += "  " + Plain.safe(batch.outcome) }
    if let inquiry = batch.inquiry { words += "  [\(Plain.safe(inquiry.words))]" }
    return words
  }

  /// How many legs stand where: `2 filled, 1 working`.
  static func progress(_ legs: [LegView]) -> String {
    LegStatus.allCases.compactMap { status in
      let count = legs.count { $0.status == status }
      return count > 0 ? "\(count) \(status.rawValue)" : nil
    }.joined(separator: ", ")
  }

  /// The leg's number, the leg that an exit belongs to, or that it was made elsewhere.
  private static func whose(_ leg: LegView, withBatch: Bool) -> String {
    func name(_ batch: BatchID, _ number: Int) -> String {
      withBatch ? "\(batch)#\(number)" : "#\(number)"
    }
    if let batch = leg.batch { return name(batch, leg.leg) }
    guard let origin = leg.origin else { return "elsewhere" }
    return "\(Plain.safe(origin.kind)) of \(name(origin.batch, origin.leg))"
  }

  static func line(_ leg: LegView, withBatch: Bool) -> String {
    var words = [whose(leg, withBatch: withBatch)]
    if leg.kind != .create { words.append(leg.kind.rawValue) }
    words += [
      Plain.safe(leg.category), Plain.safe(leg.symbol), Plain.safe(leg.side), "\(leg.quantity)",
      leg.price.map { "@\($0)" } ?? Plain.safe(leg.orderType),
    ]
    for change in leg.changes {
      words.append(
        "\(Plain.safe(change.key))=\(change.old.map { Plain.safe($0) } ?? "?")->"
          + Plain.safe(change.new))
    }
    if let trigger = leg.triggerPrice { words.append("trigger \(trigger)") }
    if let price = leg.takeProfit { words.append("tp \(price)") }
    if let price = leg.stopLoss { words.append("sl \(price)") }
    words.append("\(leg.status.rawValue) \(leg.filled)/\(leg.quantity)")
    if let average = leg.averagePrice { words.append("avg \(average)") }
    if let worse = leg.slippageBps { words.append("slip \(worse) bp") }
    for (coin, fee) in leg.feesByCoin.sorted(by: { $0.key < $1.key }) {
      words.append("fee \(fee) \(Plain.safe(coin))")
    }
    if !leg.words.isEmpty { words.append(Plain.safe(leg.words)) }
    return words.filter { !$0.isEmpty }.joined(separator: "  ")
  }
}

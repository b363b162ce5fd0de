import Exchange
import JSON
import Time

/// The public streams: what a subscriber gets at once, and what all subscribers get after a change.
extension PaperCore {
  func publicTopic(_ text: Text, _ category: Category) throws(Refusal) -> PublicTopic {
    guard let topic = PublicTopic(text, category),
      venue.instruments.contains(where: topic.concerns)
    else { throw .parameter("handler not found,topic:\(text)") }
    return topic
  }

  /// A subscriber gets a snapshot of what all subscribers of the topic know.
  mutating func join(_ text: Text, _ id: ConnectionID, at now: Timestamp) {
    guard let category = sockets[id]?.kind.category,
      var topic = topics[TopicName(category: category, text: text)]
        ?? (try? publicTopic(text, category))
    else { return }
    topic.subscribers.insert(id)
    if let data = snapshot(of: &topic, at: now) {
      send(message(topic, "snapshot", data, at: now), to: id)
    }
    topics[topic.name] = topic
  }

  mutating func leave(_ text: Text, _ id: ConnectionID) {
    guard let category = sockets[id]?.kind.category else { return }
    leave(TopicName(category: category, text: text), id)
  }

  mutating func leave(_ name: TopicName, _ id: ConnectionID) {
    topics[name]?.subscribers.remove(id)
    if topics[name]?.subscribers.isEmpty == true { topics[name] = nil }
  }

  private func snapshot(of topic: inout PublicTopic, at now: Timestamp) -> JSONValue? {
    let (subject, category) = (topic.subject, topic.name.category)
    switch topic.kind {
    case .book(let depth):
      topic.lastBook = topic.lastBook ?? venue.book(subject, category, depth: depth)
      return topic.lastBook.map { .object(Rows.book($0)) }
    case .ticker, .priceLimit:
      topic.lastRow = topic.lastRow ?? row(of: topic)
      return topic.lastRow.map { .object($0) }
    case .trades: return nil
    case .candles(let interval): return candles(of: topic, interval, at: now)
    }
  }

  /// The present row of a ticker or price limit.
  private func row(of topic: PublicTopic) -> JSONObject? {
    let (subject, category) = (topic.subject, topic.name.category)
    if topic.kind == .priceLimit {
      return venue.priceBand(subject, category).map { Rows.priceLimit(subject, $0) }
    }
    return venue.ticker(subject, category).map { Rows.streamed($0) }
  }

  private func candles(
    of topic: PublicTopic, _ interval: CandleInterval, at now: Timestamp
  ) -> JSONValue? {
    let market = MarketID(topic.name.category, topic.subject)
    guard let last = tapes[market]?.candles(interval).last else { return nil }
    return .array([.object(Rows.streamed(last, interval, at: now))])
  }

  /// Sends what changed in one market to everybody who listens.
  mutating func publish(_ market: MarketID, _ trades: [TapedTrade], at now: Timestamp) {
    guard !topics.isEmpty, let instrument = venue.instrument(market.symbol, market.category) else {
      return
    }
    for name in topics.keys.sorted() where topics[name]?.concerns(instrument) == true {
      guard var topic = topics[name],
        let (type, data) = change(of: &topic, trades, at: now)
      else { continue }
      topics[name] = topic
      let message = JSONWriter.text(of: message(topic, type, data, at: now))
      for id in topic.subscribers.sorted() { outputs.append(.send(id, message)) }
    }
  }

  /// What is new for the topic's subscribers, or nil. Only contracts' tickers and books have deltas.
  private func change(
    of topic: inout PublicTopic, _ trades: [TapedTrade], at now: Timestamp
  ) -> (Text, JSONValue)? {
    switch topic.kind {
    case .book(let depth):
      guard let book = venue.book(topic.subject, topic.name.category, depth: depth),
        let old = topic.lastBook, let delta = book.delta(from: old)
      else { return nil }
      topic.lastBook = book
      return ("delta", .object(Rows.book(delta)))
    case .ticker, .priceLimit:
      guard let row = row(of: topic), row != topic.lastRow else { return nil }
      defer { topic.lastRow = row }
      guard topic.kind == .ticker, topic.name.category.isFuture, let old = topic.lastRow else {
        return ("snapshot", .object(row))
      }
      var delta = JSONObject(strings: [("symbol", topic.subject.string)])
      for (key, value) in row.members where old[key] != value { delta[key] = value }
      return ("delta", .object(delta))
    case .trades:
      return trades.isEmpty ? nil : ("snapshot", .array(trades.map { .object(Rows.streamed($0)) }))
    case .candles(let interval):
      return trades.isEmpty ? nil : candles(of: topic, interval, at: now).map { ("snapshot", $0) }
    }
  }

  private func message(
    _ topic: PublicTopic, _ type: Text, _ data: JSONValue, at now: Timestamp
  ) -> JSONValue {
    var message = JSONObject()
    message["topic"] = .string(topic.name.text)
    message["type"] = .string(type)
    switch topic.kind {
    case .ticker:
      message["cs"] = .int(venue.ticker(topic.subject, topic.name.category)?.sequence ?? 0)
    case .book: message["cts"] = .int(now.milliseconds)
    case .trades, .candles, .priceLimit: break
    }
    message["ts"] = .int(now.milliseconds)
    message["data"] = data
    return .object(message)
  }
}

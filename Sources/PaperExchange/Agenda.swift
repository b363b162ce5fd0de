import Exchange
import JSON
import Time

/// What waits for its moment: in order of due time and, for equal times, of arrival.
struct Agenda: Sendable {
  enum Item: Sendable {
    case event(PrivateEvent)
    case send(ConnectionID, String)
    case answer(ConnectionID, RestAnswer)
    case close(ConnectionID)
  }

  private var items: [(due: Timestamp, item: Item)] = []

  var count: Int { items.count }
  var nextDue: Timestamp? { items.first?.due }

  mutating func add(_ item: Item, due: Timestamp) {
    // Nearly all items are the last ones.
    let place = (items.lastIndex { $0.due <= due }).map { $0 + 1 } ?? 0
    items.insert((due, item), at: place)
  }

  /// Hands over what is due.
  mutating func take(at now: Timestamp) -> [Item] {
    let due = items.prefix { $0.due <= now }.map(\.item)
    items.removeFirst(due.count)
    return due
  }

  /// Moves everything by as much as the clock was moved.
  mutating func shift(by length: Milliseconds) {
    items = items.map { ($0.due + length, $0.item) }
  }
}

/// A row that waits for its moment on a private topic.
struct PrivateEvent: Sendable {
  /// `order`, `execution`, `execution.fast`, `position` or `wallet`.
  let topic: Text
  /// The category that the categorised topic names; wallets have none.
  let category: Category?
  var row: JSONObject

  init(_ topic: Text, _ category: Category?, _ row: JSONObject) {
    self.topic = topic
    self.category = category
    self.row = row
  }

  /// The topics that carry it: `order`, `order.linear`.
  var topics: [Text] { [topic] + (category.map { ["\(topic).\($0.rawValue)"] } ?? []) }

  /// The names by which a fault can mean it: its topics, and `order:Filled`.
  var names: [Text] {
    topics + (row["orderStatus"]?.textValue.map { ["\(topic):\($0)"] } ?? [])
  }
}

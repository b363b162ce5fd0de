import OperatorProtocol
import Time

/// The open requests that wait for held calls, by request, by call and by the end of their wait.
struct Waiters: Sendable {
  private var byRequest: [RequestID: Waiter] = [:]
  private var byBatch: [BatchID: Set<RequestID>] = [:]
  private var ends = Deadlines<RequestID>()
  /// Their wait is over, and they cannot be told anything yet.
  private var overdue: Set<RequestID> = []

  subscript(_ request: RequestID) -> Waiter? { byRequest[request] }

  var count: Int { byRequest.count }

  /// Every request, in order.
  var requests: [RequestID] { byRequest.keys.sorted() }

  func requests(of id: BatchID) -> [RequestID] { byBatch[id]?.sorted() ?? [] }

  func isAwaited(_ id: BatchID) -> Bool { byBatch[id] != nil }

  mutating func insert(_ request: RequestID, _ waiter: Waiter) {
    remove(request)
    byRequest[request] = waiter
    byBatch[waiter.batch, default: []].insert(request)
    ends.set(request, waiter.until)
  }

  @discardableResult
  mutating func remove(_ request: RequestID) -> Waiter? {
    guard let waiter = byRequest.removeValue(forKey: request) else { return nil }
    byBatch[waiter.batch]?.remove(request)
    if byBatch[waiter.batch]?.isEmpty == true { byBatch[waiter.batch] = nil }
    ends.set(request, nil)
    overdue.remove(request)
    return waiter
  }

  mutating func removeAll() { self = Waiters() }

  /// When the next wait ends.
  mutating func nextEnd() -> Timestamp? { ends.next() }

  /// The requests whose wait is over, in order; each is named once, unless it is `speakable` later.
  mutating func takeSpent(_ now: Timestamp) -> [RequestID] {
    let spent = ends.takeDue(now).sorted()
    overdue.formUnion(spent)
    return spent
  }

  /// A call can be spoken of from now on: waits for it that are over end next.
  mutating func speakable(_ id: BatchID) {
    for request in byBatch[id] ?? [] where overdue.remove(request) != nil {
      ends.set(request, byRequest[request]?.until)
    }
  }
}

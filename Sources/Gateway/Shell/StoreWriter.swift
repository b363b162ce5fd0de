import Approvals
import Dispatch
import Synchronization

/// Makes commits durable, as many at a time as have come in meanwhile.
///
/// Concurrency model: callers append behind a mutex; one serial dispatch queue talks to the store,
/// whose calls block. After a failure everything is dropped until `resume`: what is in the queue was
/// decided by a kernel that no longer agrees with the disk.
final class StoreWriter: Sendable {
  private struct State {
    var waiting: [Commit] = []
    var isDraining = false
    var hasFailed = false
  }

  private let store: any Store
  private let queue = DispatchQueue(label: "countersign.store")
  private let state = Mutex(State())
  private let report: @Sendable (GateEvent) -> Void
  private let metrics: GatewayMetrics

  init(
    _ store: any Store, metrics: GatewayMetrics, report: @escaping @Sendable (GateEvent) -> Void
  ) {
    self.store = store
    self.metrics = metrics
    self.report = report
  }

  /// Commits that wait for the group that is being written.
  var length: Int { state.withLock { $0.waiting.count } }

  func persist(_ commit: Commit) {
    let starts = state.withLock { state in
      guard !state.hasFailed else { return false }
      state.waiting.append(commit)
      defer { state.isDraining = true }
      return !state.isDraining
    }
    if starts { queue.async { @Sendable in self.drain() } }
  }

  /// Reads everything anew, off the caller's thread, and takes commits again.
  func resume() async throws -> StoreSnapshot {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { @Sendable in
        do {
          // An empty commit shows that the store can be written again.
          _ = try self.store.apply([Commit(id: 0, records: [], lines: [])])
          let snapshot = try self.store.load()
          self.state.withLock { $0.hasFailed = false }
          continuation.resume(returning: snapshot)
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  /// Returns once everything that was given to it before has been written or has failed.
  func drained() async {
    await withCheckedContinuation { continuation in
      queue.async { @Sendable in continuation.resume() }
    }
  }

  private func drain() {
    while let group = next() {
      do {
        let start = ContinuousClock.now
        let durable = try store.apply(group)
        metrics.committed(in: ContinuousClock.now - start)
        report(.persisted(durable))
        if durable.count < group.count {
          fail(group.dropFirst(durable.count), "the store refused a commit")
        }
      } catch {
        fail(group[...], "\(error)")
      }
    }
  }

  private func next() -> [Commit]? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isDraining = false
        return nil
      }
      defer { state.waiting = [] }
      return state.waiting
    }
  }

  private func fail(_ group: ArraySlice<Commit>, _ reason: String) {
    metrics.commitFailed()
    state.withLock { state in
      state.hasFailed = true
      state.waiting = []
    }
    report(.persistFailed(group.map(\.id), reason))
  }
}

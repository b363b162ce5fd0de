import Synchronization

/// How far the life of the process is.
final class GatewayPhase: Sendable {
  private let stopping = Atomic<Bool>(false)

  var isStopping: Bool { stopping.load(ordering: .relaxed) }

  func stop() { stopping.store(true, ordering: .relaxed) }
}

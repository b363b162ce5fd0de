import Synchronization

/// A flag that is raised once and read from any task.
final class Flag: Sendable {
  private let value = Atomic<Bool>(false)

  func raise() { value.store(true, ordering: .releasing) }
  func lower() { value.store(false, ordering: .releasing) }
  var isRaised: Bool { value.load(ordering: .acquiring) }
}

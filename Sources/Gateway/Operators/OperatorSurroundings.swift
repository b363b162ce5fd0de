package import Time

/// The clocks and the randomness that the listener uses.
package struct OperatorSurroundings: Sendable {
  /// Wall-clock time.
  package var now: @Sendable () -> Timestamp
  /// Sleeps for a length of time; throws when the task is cancelled.
  package var sleep: @Sendable (Duration) async throws -> Void
  /// So many bytes that nobody can guess.
  package var random: @Sendable (Int) -> [UInt8]

  package init(
    now: @escaping @Sendable () -> Timestamp,
    sleep: @escaping @Sendable (Duration) async throws -> Void,
    random: @escaping @Sendable (Int) -> [UInt8]
  ) {
    self.now = now
    self.sleep = sleep
    self.random = random
  }
}

package import Time

/// What operators, and strangers who reach their port, may cost.
package struct OperatorLimits: Hashable, Sendable {
  /// How long a challenge can be answered.
  package var challengeAge = Milliseconds.minutes(1)
  /// Answered challenges that are remembered until they expire, so that none counts twice.
  package var redeemed = 1024
  /// How long a session lasts.
  package var sessionAge = Milliseconds.minutes(12 * 60)
  /// Sessions of one operator; the one that rested longest makes room.
  package var sessionsPerOperator = 16
  /// Sessions of all operators.
  package var sessions = 256
  /// Bytes of an operator's name.
  package var nameBytes = 64
  /// Bytes of a request's body. A decision with a note of the longest kind is far below.
  package var bodyBytes = 64 << 10
  /// The time in which a body must have arrived.
  package var bodyTime = Duration.seconds(10)
  /// Bytes of a request's headers.
  package var headerBytes = 16 << 10
  /// Time without a request, or for the head of one, after which a connection is closed.
  package var idle = Duration.seconds(30)
  package var connections = 256
  /// Ledger entries in one answer.
  package var ledgerPage = 500
  /// Time between two looks at whether a stream's session still holds.
  package var tick = Duration.seconds(1)
  /// Ticks between two heartbeats of a quiet stream.
  package var heartbeatTicks = 15
  /// Ticks that an ended stream gets to be written out before its connection is cut.
  package var graceTicks = 5

  package init() {}
}

/// What agents may cost. Every limit of the listener has its name here.
package struct AgentLimits: Hashable, Sendable {
  /// Sessions of one agent; a new one takes the place of its longest idle one.
  package var sessionsPerAgent = 64
  /// Requests under way in one session.
  package var requestsPerSession = 64
  /// Questions of an upstream that may wait for the client of one session.
  package var questionsPerSession = 8
  /// Bytes of one question.
  package var questionBytes = 192 << 10
  /// Time for a client to answer one: a person may have to.
  package var questionTime = Duration.seconds(300)
  /// A session without a request or stream for this long ends.
  package var sessionIdle = Duration.seconds(1800)
  /// Tool calls and other requests of one agent that are under way; a further one is told so at once.
  package var requestsPerAgent = 512
  /// Messages of one agent that are worked on at a time; the others wait for their turn.
  package var turnsPerAgent = 4
  /// Open sockets; further ones wait in the listen queue.
  package var connections = 4096
  /// A socket that sent no whole request for this long is closed, unless it waits for an answer.
  package var connectionIdle = Duration.seconds(30)
  /// Time for the body of a request after its head.
  package var bodyTime = Duration.seconds(30)
  /// Time for a client to make room when it does not read its answer.
  package var stallTime = Duration.seconds(60)
  /// Longest silence on an event stream.
  package var heartbeat = Duration.seconds(10)
  /// Time for streams to end when the listener does.
  package var shutdownTime = Duration.seconds(5)
  /// Bytes of all header fields of a request.
  package var headerBytes = 32 << 10
  /// Bytes of a refused body that are read and dropped, so that its sender sees the refusal.
  package var drainedBytes = 32 << 20
  /// Bytes of notifications that wait in one event stream; the answer is not counted.
  package var streamBytes = 1 << 18

  package init() {}

  /// How often streams and sessions are looked at.
  var tick: Duration { min(heartbeat / 10, .milliseconds(500)) }
  var ticksPerHeartbeat: Int { Self.ticks(heartbeat, tick) }
  var ticksPerIdleSession: Int { Self.ticks(sessionIdle, tick) }

  private static func ticks(_ span: Duration, _ tick: Duration) -> Int {
    max(1, Int(span / tick))
  }
}

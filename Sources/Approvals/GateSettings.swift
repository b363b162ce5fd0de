package import JSON
package import Risk
package import Time

/// What the gateway was told about holding, waiting and sending. All waits and queues are named here.
package struct GateSettings: Hashable, Sendable {
  /// The gateway's name in signatures and checkpoints.
  package var gateway: Text = "countersign"
  /// `mainnet`, `testnet`, `demo`, `paper`, or the name of a custom exchange.
  package var environment: Text = "paper"
  /// How long a held call can be decided.
  package var ttl: Milliseconds = .minutes(15)
  /// How long one request of an agent is kept open for a decision, where its client is not known.
  package var wait: Milliseconds = .seconds(25)
  /// What the configuration says instead of `ClientWaits`, by the name given at `initialize`.
  package var waitByClient: [Text: Milliseconds] = [:]
  /// After its request ended an agent still counts as waiting for this long.
  package var waitingGrace: Milliseconds = .seconds(5)
  /// An agent that has not asked for this long gets its approval executed when it next asks.
  package var grantAfter: Milliseconds = .minutes(2)
  /// How long an approval given in a console can be recalled.
  package var cooling: Milliseconds = .seconds(3)
  /// How long an outcome that no live request has taken is replayed to a repeat.
  package var replayFor: Milliseconds = .minutes(2)
  /// A proposal within this time after a rejection of the same agent and tool supersedes it.
  package var supersedeWithin: Milliseconds = .minutes(15)
  /// Bytes of the canonical arguments of a held call.
  package var heldArgumentBytes = 64 << 10
  /// Decisions about one call that are remembered, so that none is played again.
  package var decisionsPerCall = 200
  /// Halt orders that are remembered, newest kept, so that no thaw is played again.
  package var haltsKept = 1_000
  /// Cancellations that came before their call.
  package var earlyCancelsKept = 1_000
  package var pendingPerAgent = 20
  package var pendingTotal = 100
  /// Commits that may be on their way to the disk before agents are told to wait.
  package var commitsUnderWay = 4_096
  /// Ledger entries that may be on their way, or wait for the next commit.
  package var entriesUnderWay = 20_000
  /// Pending calls that are assessed anew with one piece of news; the others follow in turn.
  package var assessedAtOnce = 200
  /// Findings whose numbers alone changed are shown again after this.
  package var numbersShownWithin: Milliseconds = .seconds(1)
  /// Findings that say nothing new are shown again after this, for the age of what they rest on.
  package var agesShownWithin: Milliseconds = .seconds(10)
  /// Approvals that are remembered for their pace.
  package var approvalsKept = 100
  /// Fills of an agent that its next batches are judged by.
  package var pastFillsKept = 500
  /// Settled calls that are kept in memory for replays, differences and the screen.
  package var settledKept = 500
  /// How long an upstream may take to answer an order call before its outcome is unknown.
  package var answerDeadline: Milliseconds = .seconds(20)
  /// The exchange refuses a signed request older than this.
  package var receiveWindow: Milliseconds = .seconds(5)
  /// How far the clocks of gateway and exchange may differ.
  package var clockError: Milliseconds = .seconds(3)
  /// Waits between questions about an unknown outcome; the last one repeats.
  package var reconcileWaits: [Milliseconds] = [
    .seconds(2), .seconds(5), .seconds(15), .seconds(60),
  ]
  /// How often open orders are asked about although the stream is live, one call at a time.
  package var followEvery: Milliseconds = .seconds(5)
  /// The same while orders of several calls were never seen.
  package var followUnseenEvery: Milliseconds = .seconds(1)
  /// How often the lists of open orders are read although the stream is live, while orders made
  /// elsewhere are open.
  package var listOpenEvery: Milliseconds = .seconds(30)
  /// Orders made elsewhere whose end is asked for in one question.
  package var endsAskedAtOnce = 5
  /// How late the stream's news may be.
  package var streamLag: Milliseconds = .seconds(2)
  /// Entries that may wait are written with the next transaction, at the latest after this.
  package var recordWithin: Milliseconds = .milliseconds(100)
  /// Market and account data of pending batches are asked for this often.
  package var refreshEvery: Milliseconds = .seconds(2)
  /// Fills and orders made elsewhere that are kept for a console that connects.
  package var fillsKept = 2_000
  package var elsewhereKept = 2_000
  /// Entries of cancels that are kept while nothing can be written.
  package var unrecordedKept = 10_000
  package var riskLimits = RiskLimits()
  /// What the header always says, such as an unsafe set-up that was found at start.
  package var standingWarnings: [String] = []
  /// Whether reconciliation may conclude that an order does not exist: not for upstreams over HTTP,
  /// whose copies of a request nobody can stop.
  package var canConcludeAbsence: [Text: Bool] = [:]

  package init() {}

  func wait(for client: Text) -> Milliseconds {
    waitByClient[client] ?? ClientWaits.wait(for: client) ?? wait
  }
}

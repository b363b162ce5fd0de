package import Decimals
package import JSON
package import Time

/// What the gateway knows of itself and of the call while it assesses a batch.
package struct RiskSurroundings: Hashable, Sendable {
  package enum Halt: String, Hashable, Sendable { case active, reducing, halted }

  package enum Feed: Hashable, Sendable {
    case notConfigured, connecting, live
    case stale(since: Timestamp)
    /// Orders are read in steps, and what one reading missed is not known.
    case polled(gap: Milliseconds)
  }

  package struct Baseline: Hashable, Sendable {
    package let mid: ExactDecimal
    package let at: Timestamp

    package init(mid: ExactDecimal, at: Timestamp) {
      self.mid = mid
      self.at = at
    }
  }

  package struct Approval: Hashable, Sendable {
    package let by: Text
    package let at: Timestamp

    package init(by: Text, at: Timestamp) {
      self.by = by
      self.at = at
    }
  }

  package var agent: Text = ""
  /// What else calls itself an agent here.
  package var otherAgents: [Text] = []
  package var environment: Text = ""
  /// Whether the upstream's account is known to be the one that the gateway reads.
  package var isVerified = true
  package var halt = Halt.active
  package var haltWords = ""
  package var feed = Feed.live
  /// Calls whose outcome nobody knows yet.
  package var unknownOutcomes = 0
  /// Nil before there is a deadline.
  package var expiresAt: Timestamp?
  package var clockOffset: Milliseconds?
  /// The mid of each symbol when the call came in.
  package var baselines: [Text: Baseline] = [:]
  package var revision = 1
  package var supersedes: Text?
  /// The fields that differ from the batch that it takes the place of.
  package var changes: [String] = []
  /// Text of the agent that nobody checks otherwise: its program's name and the link ids it chose.
  package var texts: [Text] = []
  /// Whether the agent set a link id itself, by leg.
  package var ownLinkIDs: Set<Int> = []
  /// The signer who owns the agent, where one does.
  package var ownerSigned: Text?
  /// Of all calls, lately.
  package var approvals: [Approval] = []

  package init() {}
}

package import JSON
package import Time

/// How a held call is approved.
package struct ApprovalTerms: Hashable, Sendable {
  package enum Execute: String, CaseIterable, Hashable, Sendable {
    /// An approval that nobody waits for executes when the agent next asks.
    case onRequest = "on_request"
    /// An approval executes at once, whether or not the agent waits.
    case onApproval = "on_approval"
  }

  /// Who may sign, by what the registry says of an operator.
  package enum Role: String, CaseIterable, Hashable, Sendable { case `operator`, admin }

  /// How many distinct operators must sign.
  package var quorum = 1
  /// Signatures of others do not count.
  package var roles = Set(Role.allCases)
  /// Whether an operator's signature does not count for an agent of their own.
  package var forbidsOwner = false
  /// How long the call may be decided. Nil: the gateway's configuration.
  package var ttl: Milliseconds?
  /// How long one request of the agent waits. Nil: the gateway's configuration.
  package var wait: Milliseconds?
  package var execute = Execute.onRequest

  package init() {}

  /// What satisfies both: where no role is in both, nobody may sign.
  func stricter(_ other: ApprovalTerms) -> ApprovalTerms {
    var both = self
    both.quorum = max(quorum, other.quorum)
    both.roles = roles.intersection(other.roles)
    both.forbidsOwner = forbidsOwner || other.forbidsOwner
    both.ttl = [ttl, other.ttl].compactMap(\.self).min()
    both.execute = other.execute == .onRequest ? .onRequest : execute
    return both
  }
}

/// What a shadow rule would have done.
package struct Shadowed: Hashable, Sendable {
  package let decision: Verdict.Decision
  /// A pointer into the document.
  package let rule: String
}

/// What the policy says about a call.
package struct Verdict: Hashable, Sendable {
  package enum Decision: String, CaseIterable, Hashable, Sendable { case allow, deny, hold }

  package let decision: Decision
  /// The rule that decided, as a pointer into the document: `/tools/createOrder/deny_if/0`.
  package let rule: String
  /// A sentence for the agent; empty for allowed calls.
  package let reason: String
  /// Only where a limit decided: when the call would pass, if nothing else is counted until then. Nil
  /// where that depends on what becomes of other calls, or never comes.
  package var retryAfter: Milliseconds?
  /// The counter of the limit that decided.
  package var counter: Text?
  /// How to approve; meaningful for held calls.
  package var approval = ApprovalTerms()
  /// Shadow rules that would have decided otherwise, in the order of the document.
  package var shadowed: [Shadowed] = []

  package init(_ decision: Decision, rule: String, reason: String = "") {
    self.decision = decision
    self.rule = rule
    self.reason = reason
  }
}

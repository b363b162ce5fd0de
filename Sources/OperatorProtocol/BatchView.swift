package import Cryptography
package import Decimals
package import JSON
package import Time

/// Where a held call stands.
package enum HoldState: String, CaseIterable, Sendable {
  case pending
  case partlySigned = "partly_signed"
  case cooling, approved, dispatching, acknowledged, failed, unknown
  case rejected, expired, withdrawn, blocked, resolved

  /// Whether an operator can still decide.
  package var isOpen: Bool { self == .pending || self == .partlySigned }

  /// Whether nothing further happens to the call.
  package var isSettled: Bool {
    switch self {
    case .pending, .partlySigned, .cooling, .approved, .dispatching, .unknown: false
    case .acknowledged, .failed, .rejected, .expired, .withdrawn, .blocked, .resolved: true
    }
  }
}

/// Severity of one finding or of a whole batch, mildest first.
package enum Severity: String, CaseIterable, Comparable, Sendable {
  case pass, note, warn, unchecked, high, block

  package static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
  private var rank: Int {
    switch self {
    case .pass: 0
    case .note: 1
    case .warn: 2
    case .unchecked: 3
    case .high: 4
    case .block: 5
    }
  }
}

/// An amount of one currency.
package struct Amount: Hashable, Sendable {
  package var amount: ExactDecimal
  package var currency: Text
  /// Whether a market price went into it.
  package var estimated: Bool
  /// The age of that price; nil where none was needed.
  package var asOf: Timestamp?

  package init(amount: ExactDecimal, currency: Text, estimated: Bool, asOf: Timestamp?) {
    self.amount = amount
    self.currency = currency
    self.estimated = estimated
    self.asOf = asOf
  }
}

extension Amount: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "amount": .decimal(amount), "currency": .string(currency), "estimated": .bool(estimated),
      "as_of": asOf.map { .timestamp($0) },
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      amount: try json.member("amount").decimal(), currency: try json.member("currency").text(),
      estimated: try json.member("estimated").bool(),
      asOf: try json.maybe("as_of") { time throws(JSONError) in try time.timestamp() })
  }
}

/// One held call as it stands in the queue. `pending --json` prints exactly this.
package struct BatchSummary: Hashable, Sendable {
  package var id: BatchID
  package var state: HoldState
  package var digest: Digest
  package var revision: Int
  package var agent: Text
  package var upstream: Text
  package var tool: Text
  /// Number of legs; 0 for a held call that is no order batch.
  package var legs: Int
  package var symbols: [Text]
  /// Nil where currencies differ or a price is missing.
  package var grossNotional: Amount?
  package var netNotional: Amount?
  package var byCurrency: [Amount]
  package var receivedAt: Timestamp
  package var expiresAt: Timestamp
  /// While cooling: when the approval takes effect.
  package var coolingUntil: Timestamp?
  /// What is not clean; what passed is counted, and stands in the detail.
  package var findings: [FindingView]
  package var checks = CheckCounts()
  package var severity: Severity
  /// Whether every leg can only reduce a position.
  package var isReducing: Bool
  package var environment: Text
  package var signedBy: [Text]
  package var quorum: Int
  /// Whether the agent waits in an open request.
  package var isAgentWaiting: Bool
  package var lastAskedAt: Timestamp
  /// The agent vanished before it learnt the approval id: not approvable until it returns.
  package var isAgentGone: Bool
  package var supersedes: BatchID?
  package var identicalTo: BatchID?
  /// What happened last, in words: who rejected and why, what the exchange said.
  package var outcome: String
  /// Roles whose signatures count; empty where the gateway does not say.
  package var roles: [Text]
  /// While the outcome is not known: what is being done about it.
  package var inquiry: InquiryView?

  package init(
    id: BatchID, state: HoldState, digest: Digest, revision: Int, agent: Text, upstream: Text,
    tool: Text, legs: Int, symbols: [Text], grossNotional: Amount?, netNotional: Amount?,
    byCurrency: [Amount], receivedAt: Timestamp, expiresAt: Timestamp, coolingUntil: Timestamp?,
    findings: [FindingView], severity: Severity, isReducing: Bool, environment: Text,
    signedBy: [Text], quorum: Int, isAgentWaiting: Bool, lastAskedAt: Timestamp,
    isAgentGone: Bool, supersedes: BatchID?, identicalTo: BatchID?, outcome: String,
    roles: [Text] = [], checks: CheckCounts = CheckCounts()
  ) {
    self.id = id
    self.state = state
    self.digest = digest
    self.revision = revision
    self.agent = agent
    self.upstream = upstream
    self.tool = tool
    self.legs = legs
    self.symbols = symbols
    self.grossNotional = grossNotional
    self.netNotional = netNotional
    self.byCurrency = byCurrency
    self.receivedAt = receivedAt
    self.expiresAt = expiresAt
    self.coolingUntil = coolingUntil
    self.findings = findings
    self.severity = severity
    self.isReducing = isReducing
    self.environment = environment
    self.signedBy = signedBy
    self.quorum = quorum
    self.isAgentWaiting = isAgentWaiting
    self.lastAskedAt = lastAskedAt
    self.isAgentGone = isAgentGone
    self.supersedes = supersedes
    self.identicalTo = identicalTo
    self.outcome = outcome
    self.roles = roles
    self.checks = checks
  }
}

/// How many rules had nothing to say.
package struct CheckCounts: Hashable, Sendable {
  package var passed = 0
  package var notApplicable = 0

  package init(passed: Int = 0, notApplicable: Int = 0) {
    self.passed = passed
    self.notApplicable = notApplicable
  }
}

extension BatchSummary: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "id": .string(id.text), "state": .string(state.rawValue), "digest": .string(digest.hex),
      "revision": .int(revision), "agent": .string(agent), "upstream": .string(upstream),
      "tool": .string(tool), "legs": .int(legs), "symbols": .array(symbols.map { .string($0) }),
      "gross_notional": grossNotional?.json ?? .null, "net_notional": netNotional?.json ?? .null,
      "by_currency": .array(byCurrency.map(\.json)), "received_at": .timestamp(receivedAt),
      "expires_at": .timestamp(expiresAt), "cooling_until": coolingUntil.map { .timestamp($0) },
      "findings": .array(findings.map(\.json)),
      "checks": [
        "passed": .int(checks.passed), "not_applicable": .int(checks.notApplicable),
      ], "severity": .string(severity.rawValue),
      "is_reducing": .bool(isReducing), "environment": .string(environment),
      "signed_by": .array(signedBy.map { .string($0) }), "quorum": .int(quorum),
      "is_agent_waiting": .bool(isAgentWaiting), "last_asked_at": .timestamp(lastAskedAt),
      "is_agent_gone": .bool(isAgentGone), "supersedes": supersedes.map { .string($0.text) },
      "identical_to": identicalTo.map { .string($0.text) }, "outcome": .string(outcome),
      "inquiry": inquiry?.json,
      "roles": roles.isEmpty ? nil : .array(roles.map { .string($0) }),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      id: try json.member("id").batchID(), state: try json.member("state").one(of: HoldState.self),
      digest: try json.member("digest").digest(), revision: try json.member("revision").int(),
      agent: try json.member("agent").text(), upstream: try json.member("upstream").text(),
      tool: try json.member("tool").text(), legs: try json.member("legs").int(),
      symbols: try json.list("symbols") { symbol throws(JSONError) in try symbol.text() },
      grossNotional: try json.maybe("gross_notional") { sum throws(JSONError) in
        try Amount(json: sum)
      },
      netNotional: try json.maybe("net_notional") { sum throws(JSONError) in
        try Amount(json: sum)
      },
      byCurrency: try json.list("by_currency") { sum throws(JSONError) in try Amount(json: sum) },
      receivedAt: try json.member("received_at").timestamp(),
      expiresAt: try json.member("expires_at").timestamp(),
      coolingUntil: try json.maybe("cooling_until") { time throws(JSONError) in
        try time.timestamp()
      },
      findings: try json.list("findings") { one throws(JSONError) in try FindingView(json: one) },
      severity: try json.member("severity").one(of: Severity.self),
      isReducing: try json.member("is_reducing").bool(),
      environment: try json.member("environment").text(),
      signedBy: try json.list("signed_by") { name throws(JSONError) in try name.text() },
      quorum: try json.member("quorum").int(),
      isAgentWaiting: try json.member("is_agent_waiting").bool(),
      lastAskedAt: try json.member("last_asked_at").timestamp(),
      isAgentGone: try json.member("is_agent_gone").bool(),
      supersedes: try json.maybe("supersedes") { id throws(JSONError) in try id.batchID() },
      identicalTo: try json.maybe("identical_to") { id throws(JSONError) in try id.batchID() },
      outcome: try json.member("outcome").string(),
      roles: try json.maybe("roles") { all throws(JSONError) in
        try all.elements().map { one throws(JSONError) in try one.text() }
      } ?? [],
      checks: try json.maybe("checks") { one throws(JSONError) in
        CheckCounts(
          passed: try one.member("passed").int(),
          notApplicable: try one.member("not_applicable").int())
      } ?? CheckCounts())
    inquiry = try json.maybe("inquiry") { one throws(JSONError) in try InquiryView(json: one) }
  }
}

/// What the gateway does to find out what became of a call whose outcome is not known.
package struct InquiryView: Hashable, Sendable {
  package enum Step: String, CaseIterable, Sendable {
    /// What could still send is being ended.
    case ending
    /// Until the exchange would refuse anything that was sent, or until the next question.
    case waiting
    /// The exchange has been asked.
    case asking
    /// Nothing can be asked: a person must find out.
    case person
  }

  /// When the outcome became unknown.
  package var since: Timestamp
  package var step: Step
  /// What is asked, or why nothing is.
  package var question: String
  /// Questions that were answered without a conclusion.
  package var attempts: Int
  /// What the last one brought; empty before the first.
  package var lastAnswer: String
  /// When it is asked next.
  package var nextAt: Timestamp?
  /// Legs from 1 of which nobody can say what became of them.
  package var legs: [Int]

  package init(
    since: Timestamp, step: Step, question: String, attempts: Int, lastAnswer: String,
    nextAt: Timestamp?, legs: [Int]
  ) {
    self.since = since
    self.step = step
    self.question = question
    self.attempts = attempts
    self.lastAnswer = lastAnswer
    self.nextAt = nextAt
    self.legs = legs
  }

  /// What is asked, since when, and how far that has come, in a line.
  package var words: String {
    var words = "\(step.rawValue) since \(since.clock)Z"
    if attempts > 0 { words += ", \(attempts) answered" }
    if let nextAt { words += ", next at \(nextAt.clock)Z" }
    words += ": \(question)"
    return lastAnswer.isEmpty ? words : words + "; last answer: \(lastAnswer)"
  }
}

extension InquiryView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "since": .timestamp(since), "step": .string(step.rawValue), "question": .string(question),
      "attempts": .int(attempts), "last_answer": .string(lastAnswer),
      "next_at": nextAt.map { .timestamp($0) }, "legs": .array(legs.map { .int($0) }),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      since: try json.member("since").timestamp(),
      step: try json.member("step").one(of: Step.self),
      question: try json.member("question").string(), attempts: try json.member("attempts").int(),
      lastAnswer: try json.member("last_answer").string(),
      nextAt: try json.maybe("next_at") { time throws(JSONError) in try time.timestamp() },
      legs: try json.list("legs") { leg throws(JSONError) in try leg.int() })
  }
}

/// One held call whole: the statement as text, so that the reader digests the very bytes.
package struct BatchDetail: Hashable, Sendable {
  package var summary: BatchSummary
  /// Canonical JSON of the `Statement`. Its SHA-256 must equal `summary.digest`.
  package var statement: String
  package var legStates: [LegView]
  /// Of a call that changes or cancels orders: what it changes, with the values of now.
  package var changes: [ChangeView]
  /// What the summary's findings do not say: rules that passed, do not apply, or only lack an account
  /// key.
  package var checks: [FindingView]

  package init(
    summary: BatchSummary, statement: String, legStates: [LegView], changes: [ChangeView] = [],
    checks: [FindingView] = []
  ) {
    self.checks = checks
    self.summary = summary
    self.statement = statement
    self.legStates = legStates
    self.changes = changes
  }
}

extension BatchDetail: JSONConvertible {
  package var json: JSONValue {
    [
      "summary": summary.json, "statement": .string(statement),
      "leg_states": .array(legStates.map(\.json)), "changes": .array(changes.map(\.json)),
      "checks": .array(checks.map(\.json)),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      summary: try BatchSummary(json: try json.member("summary")),
      statement: try json.member("statement").string(),
      legStates: try json.list("leg_states") { leg throws(JSONError) in try LegView(json: leg) },
      changes: try json.list("changes") { one throws(JSONError) in try ChangeView(json: one) },
      checks: try json.list("checks") { one throws(JSONError) in try FindingView(json: one) })
  }
}

package import Cryptography
package import JSON
package import Ledger
import MCP
package import OperatorProtocol
import Orders
package import Policy
import Risk
package import Time

/// The gateway's decisions: events in, effects out.
///
/// Concurrency model: none. One task of the shell owns the value and calls `handle`. It reads no
/// clock, starts nothing and draws no random number; everything it needs is in the event. What must
/// be durable before somebody hears of it travels inside a `persist` effect, and the effects that
/// depend on it are released when `persisted` comes back. So every crash point lies between two
/// events and can be enumerated.
///
/// When a write fails the value no longer agrees with the disk: everything but cancels is denied
/// until the shell hands over what is stored (`storeRestored`).
package struct Gatekeeper: Sendable {
  package internal(set) var settings: GateSettings
  package internal(set) var policy: Policy
  package internal(set) var registry = Registry()
  package internal(set) var held = HeldCalls()
  /// Set at once by a freeze; cleared only when the thaw is on disk.
  package internal(set) var frozen: StatusView.Freeze?
  /// Agents that an operator paused: set at once, cleared only when that is on disk.
  package internal(set) var paused: [Text: StatusView.Freeze] = [:]
  package internal(set) var isStoreDown = false
  /// Nothing new is begun: the process is about to end.
  var isStopping = false
  package internal(set) var feed = FeedState.notConfigured
  package internal(set) var ledger: LedgerAppender
  let ledgerKey: SigningKey

  var now = Timestamp(milliseconds: 0)
  package internal(set) var counters = Counters()
  var limitClock = LimitClock()
  var uptime: Uptime?
  var prunedAt = Timestamp(milliseconds: 0)
  var waiters = Waiters()
  var earlyCancels: Set<RequestID> = []
  var outgoing: [RequestID: Outgoing] = [:]
  var forwarded: Set<RequestID> = []
  /// Tickets of forwarded calls that count until the upstream is done with them.
  var metered: [RequestID: Text] = [:]
  /// Of those the ones whose count is on its way to the disk: they are forwarded when it is there.
  var unsent: [RequestID: AgentCall] = [:]
  /// Tickets of calls that were never forwarded although their entry may say so on disk.
  var neverSent: [Text: NeverSent] = [:]
  var byRepeatKey: [Digest: BatchID] = [:]
  var lanes: [Text: Lane] = [:]
  var reconciliations: [BatchID: Reconciliation] = [:]
  var tools: [Text: [Text: ToolPin]] = [:]
  /// The accepted definitions, also of tools that are not listed now.
  var pinned: [ToolPlace: AcceptedTool] = [:]
  /// Definitions whose acceptance is on its way to the disk.
  var accepting: [ToolPlace: AcceptedTool] = [:]
  var identities: [Text: AccountIdentity?] = [:]
  var readKey: AccountIdentity?
  var market = MarketView()
  /// Who approved lately, newest last.
  var recentApprovals: [RiskSurroundings.Approval] = []
  /// The call that was assessed last, where not all are at once.
  var lastAssessed: BatchID?
  var policyRefusal: String?
  var busyNoted: [Text: Timestamp] = [:]

  /// The thaw whose commit is under way; a freeze in between makes it void.
  var thawing: OperatorRequestID?
  /// The freeze that is in force but not on disk yet.
  var unrecordedFreeze: Draft?
  /// Pauses whose end is on its way to the disk, and the entries of those that are not there yet.
  var unpausing: [Text: OperatorRequestID] = [:]
  var unrecordedPauses: [Text: [EntryDraft]] = [:]
  var haltNonces: [Text] = []
  /// By agent, and by rule: for the consoles only.
  var conduct: [Text: Conduct] = [:]
  var ruleHits: [Text: Int] = [:]
  var cancelling: [OperatorRequestID: Cancelling] = [:]

  // Commits
  var nextCommit = 1
  var inFlight: [Int: Release] = [:]
  /// How many commits under way move a call.
  var moving: [Text: Int] = [:]
  /// The size of the ledger on disk.
  var durableSize = 0
  /// Calls whose transition may or may not be on disk since a write failed.
  var unsure: Set<Text> = []
  var lazy = Draft()
  /// Where a record stands in `lazy`: only its newest document is written.
  var lazyPlaces: [RecordPlace: Int] = [:]
  var lazyDue: Timestamp?
  /// Entries of forwarded calls that could not be written yet.
  var unrecorded: [Unrecorded] = []
  var watching: [Listing] = []
  var fills: [FillView] = []
  /// Of each agent, as the checks of its next batches read them, oldest first.
  var pastFills: [Text: [RecentHistory.Fill]] = [:]
  var fillIDs: Set<Text> = []
  /// Open orders that no batch of this gateway made, by their id.
  var elsewhere: [Text: OrderRow] = [:]
  /// Orders made elsewhere that ended lately: nothing opens one again.
  var endedElsewhere = RecentIDs()
  var orderIndex = OrderIndex()
  var following = Following()
  /// Since when the order stream is heard without a gap; the last time where it is not.
  var liveSince = Timestamp(milliseconds: 0)
  var lastWake: Timestamp?

  /// A gatekeeper that knows nothing yet: the first event must be `storeRestored`.
  ///
  /// Throws when `settings.gateway` cannot name a ledger.
  package init(
    settings: GateSettings, policy: Policy, ledgerKey: SigningKey
  ) throws(LedgerError) {
    self.settings = settings
    self.policy = policy
    self.ledgerKey = ledgerKey
    ledger = try LedgerAppender(origin: settings.gateway, key: ledgerKey)
  }

  /// Answers one event. `now` never runs backwards: a smaller one is taken as the last one. Limits run
  /// on `uptime`, and on the wall clock where it is nil.
  package mutating func handle(
    _ event: GateEvent, at moment: Timestamp, uptime: Uptime? = nil
  ) -> [GateEffect] {
    now = max(now, moment)
    advanceLimits(uptime)
    let effects = respond(to: event)
    return effects + followUp()
  }

  private mutating func respond(to event: GateEvent) -> [GateEffect] {
    switch event {
    case .call(let call):
      let effects = handle(call)
      return waiters[call.request] == nil ? effects : effects + [.waits(call.request)]
    case .cancelled(let request): return cancel(request)
    case .disconnected(let request): return disconnect(request)
    case .answered(let request, let delivered): return answered(request, delivered: delivered)
    case .forwardEnded(let request, let end): return forwardEnded(request, end)
    case .decide(let request, let signed, let session, let cools):
      return decide(request, signed, session: session, cools: cools)
    case .halt(let request, let order, let signature): return halt(request, order, signature)
    case .acceptTool(let request, let acceptance, let signature):
      return accept(request, acceptance, signature)
    case .sessionEnded(let session): return sessionEnded(session)
    case .persisted(let ids): return persisted(ids)
    case .persistFailed(_, let reason): return storeFailed(reason)
    case .storeRestored(let snapshot): return restore(snapshot)
    case .toolsListed(let upstream, let definitions): return toolsListed(definitions, by: upstream)
    case .laneOpened(let upstream, let child): return laneOpened(upstream, child)
    case .laneFailed(let upstream, let reason): return laneFailed(upstream, reason)
    case .laneKilled(let upstream, let group): return laneKilled(upstream, group)
    case .laneSurvives(let upstream, let group, let words):
      return laneSurvives(upstream, group, words)
    case .dispatchAnswered(let id, let answer): return dispatchAnswered(id, answer)
    case .identitySeen(let upstream, let identity): return identified(upstream, identity)
    case .readKeySeen(let identity): return readKeySeen(identity)
    case .feed(let state): return feedChanged(state)
    case .orderRows(let rows): return orderRows(rows)
    case .executionRows(let rows): return executionRows(rows)
    case .ordersCancelled(let request, let call, let answer):
      return ordersCancelled(request, call, answer)
    case .exchangeRead(let id, let reading):
      return held[id]?.state == .unknown ? exchangeRead(id, reading) : followed(id, reading)
    case .openOrders(let lists): return openOrders(lists)
    case .ordersRead(let ids, let reading): return ordersRead(ids, reading)
    case .market(let snapshot, let category): return marketChanged(snapshot, category)
    case .account(let snapshot, let category): return accountChanged(snapshot, category)
    case .registry(let registry): return registryChanged(registry)
    case .policy(let policy): return policyChanged(policy)
    case .policyRefused(let reason): return policyRefused(reason)
    case .tick: return tick()
    case .closing: return beginStopping()
    case .stopping: return stop()
    }
  }

  /// What follows from any event: lanes that can send, symbols to watch, the next moment to wake.
  private mutating func followUp() -> [GateEffect] {
    var effects = pumpLanes()
    effects += updateWatch()
    planFollowing()
    effects += scheduleWake()
    return effects
  }
}

/// One open request that waits for a held call.
struct Waiter: Hashable, Sendable {
  var batch: BatchID
  /// When the request is answered even without an outcome.
  var until: Timestamp
  /// Whether it came through `awaitApproval`: cancelling it ends the wait, not the proposal.
  var isAwait: Bool
}

/// What an answer under way carries.
enum Outgoing: Hashable, Sendable {
  case outcome(BatchID)
  case pendingNotice(BatchID)
}

/// Which row a record is.
struct RecordPlace: Hashable, Sendable {
  var kind: RecordKind
  var key: Text
}

/// What is released when a commit is durable.
struct Release: Sendable {
  var effects: [GateEffect]
  var then: Continuation?
  /// The held calls whose transition it is.
  var moves: [Text]
  /// Entries of calls that have been forwarded already.
  var forwards: [EntryDraft]
  /// The size of the ledger with this commit.
  var ledgerEnd: Int
}

/// An entry whose call has been forwarded, and the size of the ledger that would contain it.
struct Unrecorded: Sendable {
  var draft: EntryDraft
  var ledgerEnd: Int
}

/// A call that was let through and never forwarded: the sizes of the ledger that would contain the
/// entry of the one, and of the other.
struct NeverSent: Sendable {
  var allowedEnd: Int
  var notedEnd = Int.max
}

/// What the kernel itself does when a commit is durable.
enum Continuation: Hashable, Sendable {
  /// The creation of a call is on disk.
  case announce(BatchID)
  /// A transition is on disk: dispatch what is approved, answer who waits for what is settled.
  case moved(BatchID)
  case send(BatchID)
  /// What an allowed call counts is on disk.
  case forward(RequestID)
  case laneReady(Text)
  case toolAccepted(ToolPlace)
  case thawed(OperatorRequestID)
  case frozen
  case unpaused(Text, OperatorRequestID)
  case paused(Text)
}

/// Changes on their way into one commit.
struct Draft: Hashable, Sendable {
  var records: [RecordChange] = []
  var entries: [EntryDraft] = []

  var isEmpty: Bool { records.isEmpty && entries.isEmpty }
}

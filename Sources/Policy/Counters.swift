import Decimals
package import JSON
package import Time

/// What limits have counted. Belongs to the caller, who keeps it across restarts.
///
/// A call's limits are reserved together under one ticket, or none is. What a ticket holds counts
/// whole while it waits; once it was let go it counts from that moment for the length of each window;
/// while nobody knows what became of it, it counts without end. Calls under way count until the
/// ticket is closed.
package struct Counters: Hashable, Sendable {
  package struct Ticket: Hashable, Sendable {
    package enum Phase: Hashable, Sendable {
      /// Not let go.
      case waiting
      /// Let go at that moment.
      case gone(Timestamp)
      /// Let go then, and its outcome is not known.
      case unknown(Timestamp)
    }

    package let agent: Text
    var claims: [Limit.Claim]
    package var phase = Phase.waiting

    /// When it was let go.
    package var goneAt: Timestamp? {
      switch phase {
      case .waiting: nil
      case .gone(let at), .unknown(let at): at
      }
    }
  }

  /// Amounts that are kept at once, and of them those of one agent; past it calls with limits are
  /// denied.
  package static let mostClaims = 200_000
  package static let mostClaimsOfAgent = 50_000

  /// The time that windows run on. It never runs backwards.
  package private(set) var now = Timestamp(milliseconds: .min)
  private(set) var counts: [Limit.Key: Count] = [:]
  package private(set) var tickets: [Text: Ticket] = [:]
  private var claims = 0
  private var claimsOf: [Text: Int] = [:]

  package init() {}

  package mutating func advance(to moment: Timestamp) { now = Swift.max(now, moment) }

  // MARK: Reserving

  struct Request {
    let limit: Limit
    let claim: Limit.Claim
  }

  /// Why a call gets no ticket.
  struct Refusal: Error, Hashable {
    /// Which of the requests.
    let index: Int
    /// When all of them would fit; nil where nobody can say, or never.
    let wait: Milliseconds?
    let cause: Cause

    enum Cause: Hashable {
      case over
      /// The call alone is more than the limit.
      case never
      /// Too much is counted already to keep each amount to its moment.
      case full
    }
  }

  /// Counts all of a call under one ticket, or nothing.
  mutating func reserve(
    _ requests: [Request], as ticket: Text, agent: Text
  ) throws(Refusal) {
    var refusals: [Refusal] = []
    for (index, request) in requests.enumerated() {
      if let refusal = refusal(of: request, index) { refusals.append(refusal) }
    }
    if let first = refusals.first(where: { $0.cause == .never }) ?? refusals.first {
      let waits = refusals.compactMap(\.wait)
      throw Refusal(
        index: first.index, wait: waits.count == refusals.count ? waits.max() : nil,
        cause: first.cause)
    }
    guard claims + requests.count <= Self.mostClaims,
      (claimsOf[agent] ?? 0) + requests.count <= Self.mostClaimsOfAgent
    else { throw Refusal(index: 0, wait: nil, cause: .full) }
    precondition(tickets[ticket] == nil, "a ticket is used twice")
    insert(ticket, Ticket(agent: agent, claims: requests.map(\.claim)))
  }

  private mutating func refusal(of request: Request, _ index: Int) -> Refusal? {
    let claim = request.claim
    guard claim.amount <= request.limit.max else {
      return Refusal(index: index, wait: nil, cause: .never)
    }
    guard let count = advanced(claim.key) else { return nil }
    guard let sum = try? count.sum + claim.amount, sum <= request.limit.max else {
      let free = count.fits(claim.amount, under: request.limit.max)
      return Refusal(index: index, wait: free.map { $0 - now }, cause: .over)
    }
    guard count.entries < Limit.mostCalls else {
      return Refusal(index: index, wait: count.nextFree.map { $0 - now }, cause: .full)
    }
    return nil
  }

  /// A count without what its window has let go.
  private mutating func advanced(_ key: Limit.Key) -> Count? {
    guard counts[key] != nil else { return nil }
    counts[key]?.advance(to: now)
    if counts[key]?.isEmpty == true { counts[key] = nil }
    return counts[key]
  }

  // MARK: What becomes of a ticket

  /// The call goes its way: from now on it counts for its windows' length.
  package mutating func letGo(_ ticket: Text) {
    guard tickets[ticket]?.phase == .waiting else { return }
    setPhase(ticket, .gone(now))
  }

  /// It was not sent after all.
  package mutating func takeBack(_ ticket: Text) {
    guard tickets[ticket] != nil else { return }
    setPhase(ticket, .waiting)
  }

  /// Nobody knows whether it had an effect: it counts until that is known.
  package mutating func suspend(_ ticket: Text) {
    guard let at = tickets[ticket]?.goneAt else { return }
    setPhase(ticket, .unknown(at))
  }

  /// It is over. What was let go counts on for its windows, without its amounts where it provably had
  /// no effect; what was never let go counts for nothing.
  package mutating func close(_ ticket: Text, hadEffect: Bool) {
    guard let at = tickets[ticket]?.goneAt else { return giveBack(ticket) }
    setPhase(ticket, .gone(at))
    drop(ticket) { $0.key.span == .concurrent || !hadEffect && !$0.isCall }
  }

  /// Nothing of it counts any more.
  package mutating func giveBack(_ ticket: Text) { drop(ticket) { _ in true } }

  /// Forgets tickets of which nothing counts any more; their names.
  /// - Parameter isUnderWay: Whether a call may still become unknown, and then counts again.
  package mutating func prune(keeping isUnderWay: (Text) -> Bool = { _ in false }) -> [Text] {
    let over = tickets.filter { name, ticket in
      guard case .gone(let at) = ticket.phase, !isUnderWay(name) else { return false }
      return ticket.claims.allSatisfy { $0.end(from: at).map { $0 <= now } ?? false }
    }
    for name in over.keys { giveBack(name) }
    for key in counts.keys { _ = advanced(key) }
    return over.keys.sorted()
  }

  // MARK: Bookkeeping

  private mutating func insert(_ name: Text, _ ticket: Ticket) {
    tickets[name] = ticket
    count(ticket.claims.count, of: ticket.agent)
    for claim in ticket.claims { place(claim, of: name, ticket.phase) }
  }

  private mutating func setPhase(_ name: Text, _ phase: Ticket.Phase) {
    guard let ticket = tickets[name], ticket.phase != phase else { return }
    for claim in ticket.claims { withdraw(claim, of: name, ticket.phase) }
    tickets[name]?.phase = phase
    for claim in ticket.claims { place(claim, of: name, phase) }
  }

  private mutating func drop(_ name: Text, _ isDropped: (Limit.Claim) -> Bool) {
    guard let ticket = tickets[name] else { return }
    let dropped = ticket.claims.filter(isDropped)
    for claim in dropped { withdraw(claim, of: name, ticket.phase) }
    count(-dropped.count, of: ticket.agent)
    tickets[name]?.claims.removeAll(where: isDropped)
    if tickets[name]?.claims.isEmpty == true { tickets[name] = nil }
  }

  private mutating func place(_ claim: Limit.Claim, of name: Text, _ phase: Ticket.Phase) {
    let date = claim.date(in: phase)
    if let date, let window = claim.key.span.window, date + window <= now { return }
    counts[claim.key, default: Count(window: claim.key.span.window)].add(claim.amount)
    if let date { counts[claim.key]?.date(claim.amount, date, name) }
  }

  private mutating func withdraw(_ claim: Limit.Claim, of name: Text, _ phase: Ticket.Phase) {
    if claim.date(in: phase) != nil, counts[claim.key]?.undate(name) != true { return }
    counts[claim.key]?.remove(claim.amount)
    if counts[claim.key]?.isEmpty == true { counts[claim.key] = nil }
  }

  private mutating func count(_ change: Int, of agent: Text) {
    claims += change
    let all = (claimsOf[agent] ?? 0) + change
    claimsOf[agent] = all == 0 ? nil : all
  }
}

extension Counters {
  /// Takes over a ticket as it was stored, or as another value of this type had it.
  package mutating func adopt(_ name: Text, _ ticket: Ticket) {
    giveBack(name)
    if !ticket.claims.isEmpty { insert(name, ticket) }
  }

  /// Whether a ticket counts anything over time, so that it must outlive the process.
  package func hasWindow(_ ticket: Text) -> Bool {
    tickets[ticket]?.claims.contains { $0.key.span.window != nil } ?? false
  }
}

extension Limit.Span {
  package var window: Milliseconds? {
    switch self {
    case .window(let length): length
    case .concurrent: nil
    }
  }
}

extension Limit.Claim {
  /// From which moment it counts for the length of its window; nil where it counts without a date.
  fileprivate func date(in phase: Counters.Ticket.Phase) -> Timestamp? {
    guard key.span.window != nil, case .gone(let at) = phase else { return nil }
    return at
  }

  /// When it stops to count, let go at that moment; nil for calls under way.
  fileprivate func end(from at: Timestamp) -> Timestamp? { key.span.window.map { at + $0 } }
}

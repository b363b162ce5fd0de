import JSON
import Time

/// Calls of a file, judged one after another: each counts under the limits from its moment on, and what
/// becomes of it counts as its `then` says. Nothing is sent.
///
/// Every call needs a moment, none before that of the call ahead of it: `SampleCall.all(_:inOrder:)`
/// sees to it. What is due at the moment of a call happens before it.
package struct Rehearsal: Sendable {
  private struct Due {
    let at: Timestamp
    let ticket: Text
    let outcome: SampleCall.Outcome
  }

  private let policy: Policy
  private var counters = Counters()
  /// What is still to become of calls, the soonest first; of equal moments in the order of the file.
  private var agenda: [Due] = []
  private var judged = 0

  /// Calls after which counts are cleared of what no window holds any more, if nothing is still to
  /// become of any.
  private static let pruneEvery = 1000

  package init(_ policy: Policy) { self.policy = policy }

  package mutating func verdict(on sample: SampleCall) -> Verdict {
    guard let at = sample.at else { preconditionFailure("a call in order has its moment") }
    happen(until: at)
    judged += 1
    if judged.isMultiple(of: Self.pruneEvery), agenda.isEmpty { _ = counters.prune() }
    let ticket = Text("c\(judged)")
    let verdict = policy.judge(sample.call, counters: &counters, ticket: ticket, at: at)
    guard verdict.decision != .deny else { return verdict }
    if let steps = sample.then {
      for step in steps { plan(Due(at: at + step.after, ticket: ticket, outcome: step.became)) }
    } else {
      become(.sent, ticket)
      become(.answered, ticket)
    }
    return verdict
  }

  private mutating func happen(until moment: Timestamp) {
    let due = agenda.prefix { $0.at <= moment }
    for one in due {
      counters.advance(to: one.at)
      become(one.outcome, one.ticket)
    }
    agenda.removeFirst(due.count)
    counters.advance(to: moment)
  }

  private mutating func plan(_ due: Due) {
    let place = agenda.lastIndex { $0.at <= due.at }.map { $0 + 1 } ?? 0
    agenda.insert(due, at: place)
  }

  private mutating func become(_ outcome: SampleCall.Outcome, _ ticket: Text) {
    switch outcome {
    case .sent: counters.letGo(ticket)
    case .answered: counters.close(ticket, hadEffect: true)
    case .refused: counters.close(ticket, hadEffect: false)
    case .unknown: counters.suspend(ticket)
    case .notSent: counters.giveBack(ticket)
    }
  }
}

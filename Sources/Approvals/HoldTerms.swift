package import JSON
import OperatorProtocol
package import Policy
package import Time

/// Under which terms a call was held.
package struct HoldTerms: Hashable, Sendable {
  package var quorum: Int
  /// Whose signatures count.
  package var roles = Set(ApprovalTerms.Role.allCases)
  /// Whether an operator's signature does not count for an agent of their own.
  package var forbidsOwner = false
  package var ttl: Milliseconds
  package var wait: Milliseconds?
  /// Execute at once even when the agent has not asked for a while.
  package var executesOnApproval: Bool

  /// The roles in words.
  var roleWords: String { roles.map(\.rawValue).sorted().joined(separator: " or ") }

  package init(quorum: Int, ttl: Milliseconds, wait: Milliseconds?, executesOnApproval: Bool) {
    self.quorum = quorum
    self.ttl = ttl
    self.wait = wait
    self.executesOnApproval = executesOnApproval
  }
}

extension HoldTerms: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "quorum": .int(quorum),
      "roles": roles.count == ApprovalTerms.Role.allCases.count
        ? nil : .array(roles.map(\.rawValue).sorted().map { .string(Text($0)) }),
      "forbid_owner": forbidsOwner ? true : nil,
      "ttl": .string(ttl.description),
      "wait": wait.map { .string($0.description) }, "on_approval": .bool(executesOnApproval),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      quorum: try json.member("quorum").int(in: 0...16), ttl: try json.member("ttl").duration(),
      wait: try json.maybe("wait") { wait throws(JSONError) in try wait.duration() },
      executesOnApproval: try json.member("on_approval").bool())
    forbidsOwner = try json.optional("forbid_owner")?.bool() ?? false
    guard let listed = try json.optional("roles") else { return }
    roles = []
    for role in try listed.elements() {
      roles.insert(try role.one(of: ApprovalTerms.Role.self))
    }
  }
}

extension HoldTerms {
  /// What the policy asks for, with the gateway's settings where it is silent.
  init(_ verdict: Verdict, _ settings: GateSettings) {
    self.init(
      quorum: verdict.approval.quorum, ttl: verdict.approval.ttl ?? settings.ttl,
      wait: verdict.approval.wait, executesOnApproval: verdict.approval.execute == .onApproval)
    roles = verdict.approval.roles
    forbidsOwner = verdict.approval.forbidsOwner
  }

  /// An order that the policy lets through takes the same path without a signature.
  static func automatic(ttl: Milliseconds) -> HoldTerms {
    HoldTerms(quorum: 0, ttl: ttl, wait: nil, executesOnApproval: true)
  }
}

extension Role {
  /// Whether an operator of this role may sign where the policy asks for one of `roles`.
  func isOne(of roles: Set<ApprovalTerms.Role>) -> Bool {
    ApprovalTerms.Role(rawValue: rawValue).map(roles.contains) ?? false
  }
}

import Cryptography
import JSON
package import Ledger
import OperatorProtocol

/// Checks what people signed in a ledger, entry by entry from index 0, in memory that grows with the
/// operators and the calls that are open.
///
/// The keys are those that `operator_added` entries name. Every decision, freeze, thaw, pause, order to
/// cancel and acceptance must carry the signature of the operator that it names, by the key that was registered then and
/// over exactly the document that stands there; it must be about the call, the digest and the outcome
/// that its entry says; and no call is sent with fewer distinct signatures than its statement asks for.
package struct SignatureAudit: Sendable {
  /// What is known of a call that is not over.
  private struct Standing {
    var digest: Digest
    var quorum: Int
    var signers: Set<PublicKey> = []
  }

  /// Signatures that were found valid.
  package private(set) var signatures = 0
  private var keys: [Text: PublicKey] = [:]
  private var calls: [Text: Standing] = [:]

  package init() {}

  /// Throws `badSignature` with the entry's index for a signature that is missing, forged or about
  /// something else.
  package mutating func consume(_ entry: Entry) throws(LedgerError) {
    do throws(AuditFault) {
      try check(entry)
    } catch {
      throw LedgerError(
        .badSignature, error.words, index: entry.index,
        fix: "ask the operators; the entry was not made by an honest gateway")
    }
  }

  private mutating func check(_ entry: Entry) throws(AuditFault) {
    switch entry.kind {
    case "operator_added": try register(entry)
    case "operator_revoked": keys[entry.subject ?? ""] = nil
    case "frozen", "agent_paused": try checkHalt(entry, .freeze)
    case "thawed", "agent_resumed": try checkHalt(entry, .thaw)
    case "cancel_all": try checkHalt(entry, .cancelAll)
    case "tool_accepted": try checkAcceptance(entry)
    default:
      guard let state = HoldState(rawValue: entry.kind.string), let id = entry.subject else {
        return
      }
      try follow(id, state, entry.body)
    }
  }

  private mutating func register(_ entry: Entry) throws(AuditFault) {
    guard let name = entry.subject,
      let key = entry.body["key"]?.stringValue.flatMap({ PublicKey(base64: $0) })
    else { throw AuditFault("the entry names no key of an operator") }
    keys[name] = key
  }

  /// The bytes that somebody signed, of an entry that carries a signature.
  package static func document(in entry: Entry) -> [UInt8]? {
    let body = entry.body
    return (body["decision"] ?? body["order"] ?? body["acceptance"]).map {
      JSONWriter.canonicalBytes(of: $0)
    }
  }

  // MARK: Orders and acceptances

  private mutating func checkHalt(_ entry: Entry, _ verb: HaltOrder.Verb) throws(AuditFault) {
    let order = try read(entry.body, "order") { json throws(JSONError) in
      try HaltOrder(json: json)
    }
    _ = try verify(entry.body, "order", by: order.operatorName)
    guard order.verb == verb else {
      throw AuditFault("somebody signed to \(order.verb.rawValue), and it is \(entry.kind)")
    }
    let isAboutAgent = entry.kind.string.hasPrefix("agent_")
    guard order.agent == entry.body["agent"]?.textValue, isAboutAgent == (order.agent != nil) else {
      throw AuditFault("what was signed is about another agent")
    }
  }

  private mutating func checkAcceptance(_ entry: Entry) throws(AuditFault) {
    let acceptance = try read(entry.body, "acceptance") { json throws(JSONError) in
      try ToolAcceptance(json: json)
    }
    _ = try verify(entry.body, "acceptance", by: acceptance.operatorName)
    guard entry.body["upstream"]?.textValue == acceptance.upstream,
      entry.body["tool"]?.textValue == acceptance.tool,
      entry.body["accepted"]?.stringValue == acceptance.new.hex,
      entry.body["pinned"]?.stringValue == acceptance.old?.hex
    else { throw AuditFault("what was signed is about another definition") }
  }

  // MARK: Held calls

  private mutating func follow(
    _ id: Text, _ state: HoldState, _ body: JSONObject
  ) throws(AuditFault) {
    if let statement = body["statement"] { calls[id] = try standing(of: id, statement, body) }
    if body["decision"] != nil {
      try checkDecision(id, state, body)
    } else if Self.signedStates.contains(state) {
      throw AuditFault("\(id) is \(state.words) and nobody's signature stands there")
    }
    switch state {
    case .pending: calls[id]?.signers = []
    case .approved, .dispatching: try checkQuorum(id, state, body)
    case _ where state.isSettled: calls[id] = nil
    default: break
    }
  }

  /// States that nothing but a decision leads to.
  private static let signedStates: Set<HoldState> = [
    .partlySigned, .cooling, .rejected, .resolved,
  ]

  private func standing(
    of id: Text, _ statement: JSONValue, _ body: JSONObject
  ) throws(AuditFault) -> Standing {
    let digest = SHA256.hash(JSONWriter.canonicalBytes(of: statement))
    guard body["digest"]?.stringValue == digest.hex else {
      throw AuditFault("the statement of \(id) does not have the digest that stands beside it")
    }
    guard statement["batch"]?.textValue == id, let quorum = statement["quorum"]?.intValue else {
      throw AuditFault("the statement is not about \(id)")
    }
    return Standing(digest: digest, quorum: quorum)
  }

  private mutating func checkDecision(
    _ id: Text, _ state: HoldState, _ body: JSONObject
  ) throws(AuditFault) {
    let decision = try read(body, "decision") { json throws(JSONError) in
      try Decision(json: json)
    }
    let key = try verify(body, "decision", by: decision.operatorName)
    guard decision.batch.text == id, decision.digest == calls[id]?.digest else {
      throw AuditFault("the decision is about another call, or another revision of it")
    }
    let isFitting =
      switch decision.verb {
      case .approve: [.partlySigned, .cooling, .approved].contains(state)
      case .reject: state == .rejected
      case .recall: state == .pending
      case .resolve: state == .resolved
      }
    guard isFitting else {
      throw AuditFault("somebody signed to \(decision.verb.rawValue), and it is \(state.words)")
    }
    if decision.verb == .approve { calls[id]?.signers.insert(key) }
  }

  private func checkQuorum(
    _ id: Text, _ state: HoldState, _ body: JSONObject
  ) throws(AuditFault) {
    guard let call = calls[id] else {
      throw AuditFault("\(id) is \(state.words) and was never held")
    }
    guard call.signers.count >= call.quorum else {
      throw AuditFault(
        "\(id) is \(state.words) with \(call.signers.count) of \(call.quorum) signatures")
    }
    guard state != .dispatching || body["digest"]?.stringValue == call.digest.hex else {
      throw AuditFault("\(id) was sent under another digest than the one that was signed")
    }
  }

  // MARK: Signatures

  private func read<T>(
    _ body: JSONObject, _ key: Text, _ make: (JSONCursor) throws(JSONError) -> T
  ) throws(AuditFault) -> T {
    guard let document = body[key] else { throw AuditFault("no \(key) stands there") }
    do throws(JSONError) {
      return try make(JSONCursor(document))
    } catch {
      throw AuditFault("the \(key) cannot be read: \(error)")
    }
  }

  /// The key under which the signature over a document, as it stands there, is valid.
  private mutating func verify(
    _ body: JSONObject, _ key: Text, by name: Text
  ) throws(AuditFault) -> PublicKey {
    guard body["by"]?.textValue == name else {
      throw AuditFault("the entry does not name \(name), who is said to have signed")
    }
    guard let registered = keys[name] else {
      throw AuditFault("\(name) was no registered operator then")
    }
    guard let text = body["signature"]?.stringValue else {
      throw AuditFault("the signature of \(name) is missing")
    }
    guard let signature = Signature(base64: text),
      registered.verify(signature, of: JSONWriter.canonicalBytes(of: body[key] ?? .null))
    else { throw AuditFault("the signature of \(name) is not valid") }
    signatures += 1
    return registered
  }
}

/// What is wrong with an entry, in words.
private struct AuditFault: Error {
  let words: String
  init(_ words: String) { self.words = words }
}

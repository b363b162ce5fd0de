import Cryptography
import Decimals
package import JSON
import Ledger
import MCP
import OperatorProtocol
import Orders
import Time

/// A request to cancel every open order: what was asked of the upstreams, and who waits for it.
struct Cancelling: Sendable {
  var by: Text
  /// Calls that have not been answered yet.
  var open: Set<CancelCall>
  var lines: [CancelReport.Line] = []
  /// When the operator is answered even without the rest.
  var until: Timestamp
}

/// One call of a tool that cancels, in the gateway's own name.
package struct CancelCall: Hashable, Comparable, Sendable {
  package var upstream: Text
  package var tool: Text
  package var arguments: JSONObject
  /// Which orders it is about, for people.
  package var scope: String

  package init(upstream: Text, tool: Text, arguments: JSONObject, scope: String) {
    self.upstream = upstream
    self.tool = tool
    self.arguments = arguments
    self.scope = scope
  }

  package static func < (a: CancelCall, b: CancelCall) -> Bool {
    a.upstream == b.upstream ? Text(a.scope) < Text(b.scope) : a.upstream < b.upstream
  }
}

extension Gatekeeper {
  /// Why nothing of this agent is signed or sent now; nil when it may be.
  func haltWords(_ agent: Text) -> String? {
    if let frozen {
      return "frozen by \(frozen.by) since \(frozen.since.clock)Z: \(frozen.reason)"
    }
    return paused[agent].map {
      "\(agent) is paused by \($0.by) since \($0.since.clock)Z: \($0.reason)"
    }
  }

  mutating func halt(
    _ request: OperatorRequestID, _ order: HaltOrder, _ signature: Signature
  ) -> [GateEffect] {
    do throws(OperatorRefusal) {
      try check(order, signature)
    } catch {
      return [.refuse(request, error)]
    }
    switch (order.verb, order.agent) {
    case (.freeze, nil): return freeze(request, order, signature)
    case (.freeze, let agent?): return pause(agent, request, order, signature)
    case (.thaw, nil): return thaw(request, order, signature)
    case (.thaw, let agent?): return unpause(agent, request, order, signature)
    case (.cancelAll, _): return cancelAll(request, order, signature)
    }
  }

  private func check(_ order: HaltOrder, _ signature: Signature) throws(OperatorRefusal) {
    let person = try signer(
      order.operatorName, needs: .approver, evenUnrecorded: order.verb != .thaw)
    guard person.key.verify(signature, of: order.signedBytes) else {
      throw OperatorRefusal(.forbidden, "the signature is not \(order.operatorName)'s")
    }
    guard order.freezes || !order.nonce.isEmpty && !haltNonces.contains(order.nonce) else {
      let name = order.verb == .thaw ? "thaw" : "order to cancel"
      throw OperatorRefusal(.stale, "this very \(name) was taken before; sign a new one")
    }
    if order.verb == .cancelAll { return }
    if let agent = order.agent {
      guard registry.agents[agent] != nil else {
        throw OperatorRefusal(.notFound, "no agent is called \(agent)")
      }
      guard order.freezes != isPaused(agent) else {
        throw OperatorRefusal(
          .refused, "\(agent) is \(order.freezes ? "paused already" : "not paused")")
      }
      return
    }
    guard order.freezes != isHalted else {
      throw OperatorRefusal(.refused, order.freezes ? "already frozen" : "not frozen")
    }
  }

  // MARK: Freeze and thaw

  /// Whether the last word was to freeze; a thaw counts although it is not on disk yet.
  private var isHalted: Bool { frozen != nil && thawing == nil }

  /// Takes effect at once, before it is on disk, and also while nothing can be recorded.
  private mutating func freeze(
    _ request: OperatorRequestID, _ order: HaltOrder, _ signature: Signature
  ) -> [GateEffect] {
    let freeze = StatusView.Freeze(by: order.operatorName, reason: order.reason, since: now)
    frozen = freeze
    thawing = nil
    let draft = haltDraft("frozen", order, signature, [RecordChange(.meta, "freeze", freeze.json)])
    unrecordedFreeze = draft
    guard !isStoreDown else {
      return [.accept(request, status.json), .publish(.status(status))]
    }
    return commit(
      draft, then: [.accept(request, status.json), .publish(.status(status))], next: .frozen)
  }

  /// Takes effect when it is on disk.
  private mutating func thaw(
    _ request: OperatorRequestID, _ order: HaltOrder, _ signature: Signature
  ) -> [GateEffect] {
    thawing = request
    var after = self
    after.frozen = nil
    let draft = haltDraft("thawed", order, signature, [RecordChange(.meta, "freeze", nil)])
    return commit(draft, then: [.accept(request, after.status.json)], next: .thawed(request))
  }

  mutating func thawed(_ request: OperatorRequestID) -> [GateEffect] {
    guard thawing == request else { return [] }
    thawing = nil
    frozen = nil
    return [.publish(.status(status))]
  }

  // MARK: One agent

  private func isPaused(_ agent: Text) -> Bool {
    paused[agent] != nil && unpausing[agent] == nil
  }

  /// Takes effect at once, as a freeze does.
  private mutating func pause(
    _ agent: Text, _ request: OperatorRequestID, _ order: HaltOrder, _ signature: Signature
  ) -> [GateEffect] {
    paused[agent] = StatusView.Freeze(by: order.operatorName, reason: order.reason, since: now)
    unpausing[agent] = nil
    let draft = haltDraft("agent_paused", order, signature, [pausesRecord])
    unrecordedPauses[agent] = draft.entries
    guard !isStoreDown else {
      return [.accept(request, status.json), .publish(.status(status))]
    }
    return commit(
      draft, then: [.accept(request, status.json), .publish(.status(status))],
      next: .paused(agent))
  }

  /// Takes effect when it is on disk.
  private mutating func unpause(
    _ agent: Text, _ request: OperatorRequestID, _ order: HaltOrder, _ signature: Signature
  ) -> [GateEffect] {
    unpausing[agent] = request
    var after = self
    after.paused[agent] = nil
    let draft = haltDraft("agent_resumed", order, signature, [pausesRecord])
    return commit(
      draft, then: [.accept(request, after.status.json)], next: .unpaused(agent, request))
  }

  mutating func unpaused(_ agent: Text, _ request: OperatorRequestID) -> [GateEffect] {
    guard unpausing[agent] == request else { return [] }
    unpausing[agent] = nil
    paused[agent] = nil
    return [.publish(.status(status))]
  }

  /// Who is paused, as the disk is to know it: without those whose pause is being ended.
  private var pausesRecord: RecordChange {
    let kept = paused.filter { unpausing[$0.key] == nil }
    let document: JSONObject? =
      kept.isEmpty
      ? nil
      : kept.sorted { $0.key < $1.key }.reduce(into: JSONObject()) {
        $0[$1.key] = $1.value.json
      }
    return RecordChange(.meta, "pauses", document.map { .object($0) })
  }

  /// Pauses whose write failed stay in force, and are written now.
  mutating func keepPaused(_ before: [Text: StatusView.Freeze]) -> [GateEffect] {
    let missing = unrecordedPauses.filter { paused[$0.key] != before[$0.key] }
    unrecordedPauses = [:]
    return missing.sorted { $0.key < $1.key }.flatMap { agent, entries -> [GateEffect] in
      guard let pause = before[agent] else { return [] }
      paused[agent] = pause
      unrecordedPauses[agent] = entries
      return commit(Draft(records: [pausesRecord], entries: entries), next: .paused(agent))
    }
  }

  static func pauses(in snapshot: StoreSnapshot) throws(JSONError) -> [Text: StatusView.Freeze] {
    guard let document = snapshot[.meta]["pauses"] else { return [:] }
    var pauses: [Text: StatusView.Freeze] = [:]
    for (agent, pause) in try JSONCursor(document).members() {
      pauses[agent] = try StatusView.Freeze(json: pause)
    }
    return pauses
  }

  /// A new call of a paused agent that would move money is turned away; the rest passes.
  mutating func denyPaused(_ call: AgentCall) -> [GateEffect]? {
    guard let pause = paused[call.agent] else { return nil }
    return deny(
      call, rule: "(paused)",
      "the operators paused this agent: \(pause.reason). Reads and cancels pass; propose nothing "
        + "until they let it go on.")
  }

  // MARK: Cancel all

  /// Goes out at once, as every cancel does, and is recorded beside that.
  private mutating func cancelAll(
    _ request: OperatorRequestID, _ order: HaltOrder, _ signature: Signature
  ) -> [GateEffect] {
    let calls = cancelCalls.sorted()
    let draft = haltDraft("cancel_all", order, signature, [])
    let effects = recordNow(draft)
    guard !calls.isEmpty else {
      return effects + [.accept(request, CancelReport([]).json)]
    }
    cancelling[request] = Cancelling(
      by: order.operatorName, open: Set(calls), until: now + settings.answerDeadline)
    return effects + calls.map { .cancelOrders(request, $0) }
  }

  /// What has to be called so that nothing stays open: `cancelAllOrders` where an upstream has it,
  /// else a cancel of every order that the gateway knows.
  private var cancelCalls: [CancelCall] {
    tools.keys.sorted().flatMap { upstream -> [CancelCall] in
      if isUsable("cancelAllOrders", of: upstream) { return everything(of: upstream) }
      guard isUsable("wsBatchCancelOrders", of: upstream) else { return [] }
      return knownOrders(of: upstream)
    }
  }

  private func isUsable(_ tool: Text, of upstream: Text) -> Bool {
    tools[upstream]?[tool]?.isAccepted == true
  }

  private func everything(of upstream: Text) -> [CancelCall] {
    let coins: [(Text, Text?)] =
      [("linear", "USDT"), ("linear", "USDC"), ("spot", nil), ("option", nil)]
      + inverseCoins.map { ("inverse", $0) }
    return coins.map { category, coin in
      CancelCall(
        upstream: upstream, tool: "cancelAllOrders",
        arguments: JSONObject(compact: [
          "category": .string(category), "settleCoin": coin.map { .string($0) },
        ]), scope: coin.map { "\(category) \($0)" } ?? category.string)
    }
  }

  /// Inverse orders are cancelled by the coin they settle in: those of orders that are known here,
  /// and the two that most have.
  private var inverseCoins: [Text] {
    let known = orders.filter { !$0.status.isFinal && $0.symbol.string.hasSuffix("USD") }
      .map { Text(String($0.symbol.string.dropLast(3))) }
    return Set(known + ["BTC", "ETH"]).sorted()
  }

  private func knownOrders(of upstream: Text) -> [CancelCall] {
    let live = orders.filter { leg in
      !leg.status.isFinal && (!leg.orderID.isEmpty || !leg.orderLinkID.isEmpty)
        && (leg.batch.flatMap { held[$0]?.upstream } ?? upstream) == upstream
    }
    let byCategory = Dictionary(grouping: live) { leg in
      leg.batch.flatMap { held[$0]?.order?.category.rawValue } ?? "linear"
    }
    return byCategory.sorted { Text($0.key) < Text($1.key) }.flatMap { category, legs in
      stride(from: 0, to: legs.count, by: Self.cancelsAtOnce).map { start in
        let some = legs[start..<min(start + Self.cancelsAtOnce, legs.count)]
        return CancelCall(
          upstream: upstream, tool: "wsBatchCancelOrders",
          arguments: [
            "category": .string(Text(category)), "request": .array(some.map(Self.cancel)),
          ], scope: "\(category) orders \(start + 1) to \(start + some.count)")
      }
    }
  }

  /// As many as the exchange takes in one request.
  private static let cancelsAtOnce = 20

  private static func cancel(_ leg: LegView) -> JSONValue {
    let id: (Text, Text) =
      leg.orderID.isEmpty ? ("orderLinkId", leg.orderLinkID) : ("orderId", leg.orderID)
    return ["symbol": .string(leg.symbol), id.0: .string(id.1)]
  }

  mutating func ordersCancelled(
    _ request: OperatorRequestID, _ call: CancelCall, _ answer: DispatchAnswer
  ) -> [GateEffect] {
    guard cancelling[request]?.open.remove(call) != nil else { return [] }
    cancelling[request]?.lines.append(
      CancelReport.Line(call, isTaken: answer.isTaken, words: answer.words))
    guard cancelling[request]?.open.isEmpty == true else { return [] }
    return reportCancelled(request)
  }

  /// Who waits longer than the deadline for an upstream is told what is known.
  mutating func missedCancels() -> [GateEffect] {
    let late = cancelling.filter { $0.value.until <= now }.keys
    return late.sorted { $0.number < $1.number }.flatMap { request -> [GateEffect] in
      for call in cancelling[request]?.open.sorted() ?? [] {
        cancelling[request]?.lines.append(
          CancelReport.Line(call, isTaken: false, words: "no answer in time: look at the exchange"))
      }
      return reportCancelled(request)
    }
  }

  private mutating func reportCancelled(_ request: OperatorRequestID) -> [GateEffect] {
    guard let done = cancelling.removeValue(forKey: request) else { return [] }
    let report = CancelReport(
      done.lines.sorted { ($0.upstream, Text($0.scope)) < ($1.upstream, Text($1.scope)) })
    let entry = draft(
      "cancel_all_answered", nil,
      ["by": .string(done.by), "cancelled": report.json["cancelled"] ?? .array([])])
    return recordNow(Draft(entries: [entry])) + [.accept(request, report.json)]
  }

  /// Writes what has already happened; while nothing can be written it is kept until it can.
  private mutating func recordNow(_ draft: Draft) -> [GateEffect] {
    guard isStoreDown else { return commit(draft) }
    for entry in draft.entries { keep(entry, unlessStored: .max) }
    return []
  }

  private mutating func haltDraft(
    _ kind: Text, _ order: HaltOrder, _ signature: Signature, _ records: [RecordChange]
  ) -> Draft {
    let body: JSONObject = JSONObject(compact: [
      "order": order.json, "signature": .string(signature.base64),
      "by": .string(order.operatorName), "agent": order.agent.map { .string($0) },
    ])
    haltNonces = (haltNonces + [order.nonce]).suffix(settings.haltsKept)
    return Draft(
      records: records + [
        RecordChange(.meta, "halts", .array(haltNonces.map { .string($0) }))
      ], entries: [draft(kind, nil, body)])
  }
}

extension CancelReport.Line {
  fileprivate init(_ call: CancelCall, isTaken: Bool, words: String) {
    self.init(upstream: call.upstream, scope: call.scope, isTaken: isTaken, words: words)
  }
}

extension DispatchAnswer {
  /// Bytes of an upstream's words that are told on.
  private static let wordsKept = 200

  fileprivate var isTaken: Bool {
    if case .result(let result) = self { !result.isError } else { false }
  }

  fileprivate var words: String {
    switch self {
    case .result(let result): Self.cut(result.texts.first?.string ?? "")
    case .refused(let error): Self.cut("refused: \(error)")
    case .notSent(let why): Self.cut("not sent: \(why)")
    case .lost(let why): Self.cut("it may have been sent: \(why)")
    }
  }

  private static func cut(_ words: String) -> String {
    String(decoding: words.utf8.prefix(wordsKept), as: UTF8.self)
  }
}

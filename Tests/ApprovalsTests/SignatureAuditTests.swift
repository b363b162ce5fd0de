import Cryptography
import JSON
import Ledger
import MCP
import OperatorProtocol
import Simulation
import Testing
import Time

@testable import Approvals

/// What `audit verify` says about the signatures in a ledger.
struct SignatureAuditTests {
  /// A ledger in which everything happened that people sign.
  private func ledger() -> [Entry] {
    var play = Playbook()
    play.saved()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    play.decides("bob")
    play.saved()
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    play.held("wsBatchCreateOrders", Bench.batch("1"))
    play.decides("ada", .reject, 2, note: "no")
    play.held("wsBatchCreateOrders", Bench.batch("2"))
    play.decides("bob", .approve, 3, cools: true)
    play.saved()
    play.decides("bob", .recall, 3)
    play.decides("ada", .approve, 3)
    play.halts(true)
    play.saved()
    play.halts(false)
    play.halts(true, agent: "bot")
    play.saved()
    play.halts(false, agent: "bot")
    play.halts(.cancelAll)
    let changed = Bench.tool("setLeverage", description: "other")
    play
      >> .toolsListed(
        upstream: Bench.upstream, Bench.tools.filter { $0.name != changed.name } + [changed])
    if let shown = play.gate.toolDefinitions(Bench.upstream, changed.name)?.tool {
      play.accepts("ada", shown)
    }
    play.saved()
    return play.ledger.compactMap { try? Entry.parse($0.bytes) }
  }

  private func audit(_ entries: [Entry]) throws(LedgerError) -> Int {
    var audit = SignatureAudit()
    for entry in entries { try audit.consume(entry) }
    return audit.signatures
  }

  private func changed(_ entry: Entry, _ change: (inout JSONObject) -> Void) -> Entry {
    var body = entry.body
    change(&body)
    return Entry(
      index: entry.index, time: entry.time, kind: entry.kind, subject: entry.subject, body: body)
  }

  private static let documents: [Text] = ["decision", "order", "acceptance"]

  private func signed(_ entries: [Entry]) -> [Entry] {
    entries.filter { entry in Self.documents.contains { entry.body[$0] != nil } }
  }

  @Test func anHonestLedgerStands() throws {
    let entries = ledger()
    #expect(try audit(entries) == signed(entries).count)
    #expect(
      Set(signed(entries).map(\.kind)).isSuperset(of: [
        "frozen", "thawed", "agent_paused", "agent_resumed", "cancel_all", "tool_accepted",
      ]))
    #expect(signed(entries).count >= 11)
  }

  @Test func everyForgedOrMissingSignatureIsNamedWithItsIndex() {
    let entries = ledger()
    let other = Bench.key(9).sign([1]).base64
    let forgeries: [(String, (inout JSONObject) -> Void)] = [
      ("missing", { $0["signature"] = nil }),
      ("not valid", { $0["signature"] = .string(Text(other)) }),
      ("not valid", { $0["signature"] = "AAAA" }),
      ("does not name", { $0["by"] = "somebody" }),
    ]
    for entry in signed(entries) {
      for (words, forge) in forgeries {
        var copy = entries
        copy[entry.index] = changed(entry, forge)
        let error = #expect(throws: LedgerError.self) { try audit(copy) }
        #expect(error?.code == .badSignature)
        #expect(error?.index == entry.index, "\(entry.kind)")
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
      }
    }
  }

  @Test func everyChangedDocumentIsFound() {
    let entries = ledger()
    for entry in signed(entries) {
      for name in Self.documents {
        guard let document = entry.body[name]?.objectValue else { continue }
        for member in document.members where member.key != "type" {
          var copy = entries
          copy[entry.index] = changed(entry) { body in
            var other = document
            other[member.key] = nil
            body[name] = .object(other)
          }
          let error = #expect(throws: LedgerError.self) { try audit(copy) }
          #expect(error?.index == entry.index, "\(entry.kind) without \(member.key)")
        }
      }
    }
  }

  @Test func aHaltIsWhatItsEntrySays() {
    let entries = ledger()
    let others: [Text: Text] = [
      "frozen": "thawed", "thawed": "frozen", "agent_paused": "agent_resumed",
      "agent_resumed": "agent_paused", "cancel_all": "frozen",
    ]
    for (kind, other) in others {
      guard let at = entries.firstIndex(where: { $0.kind == kind }) else {
        Issue.record("no \(kind)")
        continue
      }
      var copy = entries
      copy[at] = Entry(
        index: at, time: entries[at].time, kind: other, subject: nil, body: entries[at].body)
      #expect(throws: LedgerError.self) { try audit(copy) }
      copy[at] = changed(entries[at]) { $0["agent"] = "other" }
      #expect(throws: LedgerError.self) { try audit(copy) }
    }
  }

  /// A freeze takes effect before anything is on disk: it may be older there than its signer.
  @Test(arguments: [false, true])
  func aFreezeStandsBesideItsSignerHoweverLateBothAreWritten(isRevoked: Bool) throws {
    var play = Playbook(starts: false)
    play.reopens()
    play.halts(true)
    play.halts(true, agent: "bot")
    play >> .persistFailed(play.commits.map(\.id), "no space left")
    if isRevoked {
      var ada = try #require(Bench.registry.operators["ada"])
      ada.isRevoked = true
      play.records[.approver]?["ada"] = ada.json
    }
    play.reopens()
    play.saved()
    let entries = try play.ledger.map { try Entry.parse($0.bytes) }
    #expect(entries.count { ["frozen", "agent_paused"].contains($0.kind) } == 2)
    #expect(try audit(entries) == 2)
    #expect(entries.contains { $0.kind == "operator_revoked" && $0.subject == "ada" } == isRevoked)
  }

  @Test func aDecisionThatIsLeftOutIsMissed() {
    let entries = ledger()
    for kind in ["partly_signed", "rejected", "cooling"] as [Text] {
      guard let at = entries.firstIndex(where: { $0.kind == kind }) else {
        Issue.record("no \(kind)")
        continue
      }
      var copy = entries
      copy[at] = changed(entries[at]) { $0["decision"] = nil }
      let error = #expect(throws: LedgerError.self) { try audit(copy) }
      #expect(error?.index == at)
    }
    // The second signature of a quorum of two, taken out as if it had never been.
    let approval = entries.firstIndex { $0.kind == "approved" && $0.body["decision"] != nil }
    var copy = entries
    if let approval { copy[approval] = changed(entries[approval]) { $0["decision"] = nil } }
    let error = #expect(throws: LedgerError.self) { try audit(copy) }
    #expect(error?.index == approval)
    #expect(error?.message.contains("1 of 2") == true)
  }

  @Test func nothingIsSentUnderAnotherDigest() {
    let entries = ledger()
    guard let at = entries.firstIndex(where: { $0.kind == "dispatching" }) else {
      Issue.record("nothing is sent")
      return
    }
    var copy = entries
    copy[at] = changed(entries[at]) { $0["digest"] = .string(SHA256.hash([1]).hex) }
    #expect(throws: LedgerError.self) { try audit(copy) }
  }

  @Test func aStatementHasItsDigest() {
    let entries = ledger()
    guard let at = entries.firstIndex(where: { $0.body["statement"] != nil }) else {
      Issue.record("nothing is held")
      return
    }
    var copy = entries
    copy[at] = changed(entries[at]) { body in
      var statement = body["statement"]?.objectValue ?? JSONObject()
      statement["quorum"] = 0
      body["statement"] = .object(statement)
    }
    let error = #expect(throws: LedgerError.self) { try audit(copy) }
    #expect(error?.index == at)
  }

  @Test func aKeyCountsFromItsRegistrationToItsEnd() {
    let entries = ledger()
    let unregistered = entries.filter { $0.kind != "operator_added" }
    #expect(throws: LedgerError.self) { try audit(unregistered) }
    var revoked = SignatureAudit()
    #expect(throws: LedgerError.self) {
      for entry in entries {
        if entry.kind == "frozen" {
          for name in ["ada", "bob"] as [Text] {
            try revoked.consume(
              Entry(index: 0, time: entry.time, kind: "operator_revoked", subject: name))
          }
        }
        try revoked.consume(entry)
      }
    }
  }
}

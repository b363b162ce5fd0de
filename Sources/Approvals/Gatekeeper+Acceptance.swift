import Cryptography
package import JSON
import MCP
package import OperatorProtocol
import Policy
import Time

/// Definitions of tools: what operators see of them, and how they accept one.
extension Gatekeeper {
  // MARK: Views

  /// Every tool that was accepted or is listed now, by upstream and name.
  package var toolViews: [ToolView] {
    var places = Set(pinned.keys)
    for (upstream, pins) in tools {
      places.formUnion(pins.keys.map { ToolPlace(upstream, $0) })
    }
    return places.compactMap { toolView(of: $0) }
      .sorted { ($0.upstream, $0.tool) < ($1.upstream, $1.tool) }
  }

  /// Both definitions of a tool; nil when it was neither accepted nor is listed now.
  package func toolDefinitions(_ upstream: Text, _ tool: Text) -> ToolDefinitions? {
    let place = ToolPlace(upstream, tool)
    return toolView(of: place).map {
      ToolDefinitions(
        tool: $0, old: pinned[place]?.definition, new: tools[upstream]?[tool]?.definition.json)
    }
  }

  private func toolView(of place: ToolPlace) -> ToolView? {
    let (pin, accepted) = (tools[place.upstream]?[place.tool], pinned[place])
    guard pin != nil || accepted != nil else { return nil }
    return ToolView(
      upstream: place.upstream, tool: place.tool, state: pin?.state ?? .absent,
      accepted: accepted?.fingerprint, seen: pin?.seen, revision: accepted?.revision ?? 0,
      acceptedAt: accepted?.at, acceptedBy: accepted?.by)
  }

  // MARK: Acceptance

  /// Takes an operator's signature for a definition. It is in force when it is on disk.
  mutating func accept(
    _ request: OperatorRequestID, _ acceptance: ToolAcceptance, _ signature: Signature
  ) -> [GateEffect] {
    let place = ToolPlace(acceptance.upstream, acceptance.tool)
    let pin: ToolPin
    do throws(OperatorRefusal) {
      let person = try signer(acceptance.operatorName, needs: .approver)
      guard person.key.verify(signature, of: acceptance.signedBytes) else {
        throw OperatorRefusal(
          .forbidden, "the signature is not \(acceptance.operatorName)'s")
      }
      pin = try subject(of: acceptance, at: place)
    } catch {
      return [.refuse(request, error)]
    }
    let accepted = AcceptedTool(
      fingerprint: acceptance.new, definition: pin.definition.json,
      revision: acceptance.revision + 1, at: now, by: acceptance.operatorName)
    accepting[place] = accepted
    var after = self
    after.install(accepted, at: place)
    let body = JSONValue.compact(["tool": after.toolView(of: place)?.json])
    return commit(
      Draft(
        records: [RecordChange(.tool, place.key, accepted.json)],
        entries: [
          toolDraft(
            "tool_accepted", place,
            [
              "acceptance": acceptance.json, "signature": .string(signature.base64),
              "by": .string(acceptance.operatorName),
              "pinned": acceptance.old.map { .string($0.hex) },
              "accepted": .string(acceptance.new.hex),
            ])
        ]),
      then: [.toolListChanged, .accept(request, body)], next: .toolAccepted(place))
  }

  /// The tool that an acceptance is about, if it still is what was shown.
  private func subject(
    of acceptance: ToolAcceptance, at place: ToolPlace
  ) throws(OperatorRefusal) -> ToolPin {
    guard let pin = tools[place.upstream]?[place.tool] else {
      throw OperatorRefusal(
        .notFound, "\(place.upstream) lists no tool \(place.tool) now")
    }
    guard acceptance.new == pin.seen, acceptance.old == pin.fingerprint,
      acceptance.revision == pinned[place]?.revision ?? 0
    else {
      throw OperatorRefusal(
        .stale,
        "\(place.key) has changed since: its definition is now \(pin.seen.hex.prefix(8))…. "
          + "Look at it again before accepting it.")
    }
    guard !pin.isAccepted else {
      throw OperatorRefusal(.refused, "this definition of \(place.key) is accepted already")
    }
    guard accepting[place] == nil else {
      throw OperatorRefusal(.refused, "\(place.key) is being accepted by somebody else")
    }
    return pin
  }

  private mutating func install(_ accepted: AcceptedTool, at place: ToolPlace) {
    pinned[place] = accepted
    tools[place.upstream]?[place.tool]?.fingerprint = accepted.fingerprint
  }

  /// The acceptance is on disk: the definition counts, and what was proposed under the old one is
  /// asked about anew. What is approved under the old one is blocked when it would be sent.
  mutating func toolAccepted(_ place: ToolPlace) -> [GateEffect] {
    guard let accepted = accepting.removeValue(forKey: place) else { return [] }
    install(accepted, at: place)
    let open = held.values.filter {
      ($0.state.isOpen || $0.state == .cooling) && $0.upstream == place.upstream
        && $0.tool == place.tool && isOutdated($0)
    }
    let effects = open.sorted { $0.id < $1.id }.flatMap {
      revise($0, cause: "the tool's definition was accepted anew")
    }
    return effects + [.publish(.status(status))]
  }

  // MARK: What calls are bound to

  /// The fingerprint that a call's statement names when it is written now.
  func acceptedFingerprint(of call: HeldCall) -> Digest {
    pinned[ToolPlace(call.upstream, call.tool)]?.fingerprint ?? call.statement.toolFingerprint
  }

  /// Whether the statement was written under another policy or definition than are in force.
  func isOutdated(_ call: HeldCall) -> Bool {
    call.statement.policyDigest != policy.digest
      || call.statement.toolFingerprint != acceptedFingerprint(of: call)
  }

  /// Why nobody may sign for a call of this tool now: its upstream lists another definition.
  func unacceptedWords(_ call: HeldCall) -> String? {
    guard let pin = tools[call.upstream]?[call.tool], !pin.isAccepted else { return nil }
    return "the definition of \(call.tool) changed; look at it with \"countersign tools drift\""
  }
}

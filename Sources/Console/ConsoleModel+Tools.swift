import Cryptography
import JSON
import OperatorProtocol
import Terminal
import Time

/// Definitions of tools: what is looked at, and how one is accepted.
extension ConsoleModel {
  /// The tool under the cursor.
  var selectedTool: ToolView? { tools.first { ToolName($0) == toolCursor } }

  mutating func moveTool(by rows: Int) {
    let at = tools.firstIndex { ToolName($0) == toolCursor } ?? 0
    guard !tools.isEmpty else { return }
    toolCursor = ToolName(tools[min(max(0, at + rows), tools.count - 1)])
  }

  /// Lays what changed in the tool under the cursor over the list.
  mutating func openDefinition() {
    requestedTool = nil
    if selectedTool != nil { cover(with: .definition) }
  }

  // MARK: News

  mutating func take(tools all: [ToolView]) -> [ConsoleEffect] {
    tools = all.sorted { a, b in
      (a.needsAcceptance ? 0 : 1, a.upstream, a.tool)
        < (b.needsAcceptance ? 0 : 1, b.upstream, b.tool)
    }
    // What is looked at, or signed for, is never another tool than before.
    if selectedTool == nil, screen != .definition { toolCursor = tools.first.map { ToolName($0) } }
    return disarmIfChanged()
  }

  mutating func take(_ found: ToolDefinitions) -> [ConsoleEffect] {
    definitions = found
    let name = ToolName(found.tool)
    return take(tools: tools.filter { ToolName($0) != name } + [found.tool])
  }

  mutating func take(failure why: String, of name: ToolName) -> [ConsoleEffect] {
    say("\(name.words) cannot be read: \(why)", .warn)
    return [.bell]
  }

  mutating func take(
    _ answer: ConsoleEvent.Answer<ToolView>, about name: ToolName
  ) -> [ConsoleEffect] {
    accepting = nil
    // Whatever came of it, what is known of the tools is old.
    pageAskedAt[.tools] = nil
    requestedTool = nil
    switch answer {
    case .done(let tool):
      say("\(name.words) is accepted: calls of it are judged again", .normal)
      return take(tools: tools.filter { ToolName($0) != name } + [tool])
    case .refused(let why):
      say("\(name.words) was not accepted: \(why)", .warn)
      return [.bell]
    }
  }

  /// Asks once for the definitions of the version that is looked at.
  mutating func wantDefinition() -> [ConsoleEffect] {
    guard link == .up, effectiveScreen == .definition, let tool = selectedTool,
      definitions?.tool != tool, requestedTool != tool
    else { return [] }
    requestedTool = tool
    return [.fetchTool(ToolName(tool))]
  }

  // MARK: Accepting

  /// Both definitions of the tool under the cursor, as it is listed now; nil while they are read.
  var currentDefinitions: ToolDefinitions? {
    definitions.flatMap { $0.tool == selectedTool ? $0 : nil }
  }

  /// `a` on a definition: asks for the reason, or says why not.
  mutating func openAcceptance() -> [ConsoleEffect] {
    if let why = whyNotAcceptable {
      say("\(keymap.label(of: .accept)): not possible - \(why)", .warn)
      return []
    }
    guard let tool = selectedTool else { return [] }
    prompt = .accept(Acceptance(tool: tool))
    return []
  }

  mutating func press(_ key: Key, _ acceptance: Acceptance) -> [ConsoleEffect] {
    var acceptance = acceptance
    switch key {
    case .escape, .control("c"): return leaveReason()
    case .enter: return arm(acceptance)
    default: Self.edit(&acceptance.reason, with: key)
    }
    prompt = .accept(acceptance)
    return []
  }

  /// Opens the panel for the definition that was looked at when the reason was begun.
  private mutating func arm(_ acceptance: Acceptance) -> [ConsoleEffect] {
    guard !acceptance.reason.isEmpty else { return [.bell] }
    prompt = .none
    let why = whyNotAcceptable ?? (selectedTool == acceptance.tool ? nil : "it changed meanwhile")
    guard why == nil, let new = acceptance.tool.seen else {
      say("\(keymap.label(of: .accept)): not possible - \(why ?? "it is not listed now")", .warn)
      return [.bell]
    }
    serial += 1
    let signed = ToolAcceptance(
      of: acceptance.tool, new: new, reason: acceptance.reason, operatorName: operatorName,
      decidedAt: now)
    prompt = .arm(Arming(serial: serial, acceptance: signed))
    notice = nil
    return [.drawDigits(serial: serial)]
  }

  /// Why the definition on the screen cannot be accepted now; nil when it can.
  var whyNotAcceptable: String? {
    if let why = whyNothingIsSigned { return why }
    guard effectiveScreen == .definition, let tool = selectedTool else {
      return "no definition is on the screen"
    }
    if accepting != nil { return "an acceptance is on its way" }
    switch tool.state {
    case .pinned: return "it is accepted already"
    case .absent: return "its upstream does not list it now"
    case .drifted, .unknown: break
    }
    guard let definitions = currentDefinitions else { return "it has not been read yet" }
    guard definitions.isConsistent else {
      return "DIGEST MISMATCH: what is shown is not what is listed; do not accept it"
    }
    guard let version = tool.version, let record = definitionSeen, record.version == version else {
      return "it has not been on the screen"
    }
    guard record.missing(of: [.definition]).isEmpty else {
      return "not all of it was seen yet; scroll with \(keymap.label(of: .pageDown))"
    }
    let left = record.firstPaintedAt + SeenRecord.dwell(legs: 1)
    return now < left ? "it has been on the screen for less than a glance" : nil
  }

  func reasonToDisarm(_ acceptance: ToolAcceptance) -> String? {
    let name = ToolName(upstream: acceptance.upstream, tool: acceptance.tool)
    guard let tool = selectedTool, ToolName(tool) == name else { return "the tool is gone" }
    guard tool.seen == acceptance.new, tool.accepted == acceptance.old,
      tool.revision == acceptance.revision
    else { return "the definition changed" }
    return whyNotAcceptable
  }

  /// The panel was answered: signs and sends.
  mutating func send(_ acceptance: ToolAcceptance) -> [ConsoleEffect] {
    let name = ToolName(upstream: acceptance.upstream, tool: acceptance.tool)
    accepting = name
    approvals = approvals.filter { now - $0 < .minutes(1) } + [now]
    say("signed for \(name.words); waiting for the gateway", .normal)
    return [.acceptTool(acceptance)]
  }
}

extension ToolView {
  /// What of it is looked at; nil while its upstream does not list it.
  var version: ContentVersion? { seen.map { ContentVersion(revision: revision, digest: $0) } }
}

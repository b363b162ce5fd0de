package import Cryptography
package import JSON
package import Time

/// One tool of one upstream: what was accepted of it, and what the upstream lists now.
package struct ToolView: Hashable, Sendable {
  package enum State: String, CaseIterable, Sendable {
    /// The upstream lists what was accepted.
    case pinned
    /// The upstream lists another definition than the accepted one: calls are denied.
    case drifted
    /// The tool came after the first sight of its upstream and was never accepted: calls are denied.
    case unknown
    /// Accepted, and not in the upstream's list now.
    case absent
  }

  package var upstream: Text
  package var tool: Text
  package var state: State
  /// SHA-256 of the canonical JSON of the accepted definition; nil while `unknown`.
  package var accepted: Digest?
  /// The same of the definition that the upstream lists now; nil while `absent`.
  package var seen: Digest?
  /// How many definitions were accepted so far, the one of first sight included.
  package var revision: Int
  /// When the accepted definition was accepted; nil while `unknown`.
  package var acceptedAt: Timestamp?
  /// Who signed for the accepted definition; nil when it is the one of first sight.
  package var acceptedBy: Text?

  package init(
    upstream: Text, tool: Text, state: State, accepted: Digest?, seen: Digest?, revision: Int,
    acceptedAt: Timestamp? = nil, acceptedBy: Text? = nil
  ) {
    self.upstream = upstream
    self.tool = tool
    self.state = state
    self.accepted = accepted
    self.seen = seen
    self.revision = revision
    self.acceptedAt = acceptedAt
    self.acceptedBy = acceptedBy
  }

  /// Whether the tool is denied until an operator accepts its definition.
  package var needsAcceptance: Bool { state == .drifted || state == .unknown }
}

extension ToolView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "upstream": .string(upstream), "tool": .string(tool), "state": .string(state.rawValue),
      "accepted": accepted.map { .string($0.hex) }, "seen": seen.map { .string($0.hex) },
      "revision": .int(revision), "accepted_at": acceptedAt.map { .timestamp($0) },
      "accepted_by": acceptedBy.map { .string($0) },
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      upstream: try json.member("upstream").text(), tool: try json.member("tool").text(),
      state: try json.member("state").one(of: State.self),
      accepted: try json.maybe("accepted") { one throws(JSONError) in try one.digest() },
      seen: try json.maybe("seen") { one throws(JSONError) in try one.digest() },
      revision: try json.member("revision").int(in: 0...Int.max),
      acceptedAt: try json.maybe("accepted_at") { one throws(JSONError) in try one.timestamp() },
      acceptedBy: try json.optional("accepted_by")?.text())
  }
}

/// A tool with its definitions whole: what was accepted, and what the upstream lists now.
package struct ToolDefinitions: Hashable, Sendable {
  package var tool: ToolView
  /// The accepted definition; nil while `unknown`.
  package var old: JSONObject?
  /// The definition that the upstream lists now; nil while `absent`.
  package var new: JSONObject?

  package init(tool: ToolView, old: JSONObject?, new: JSONObject?) {
    self.tool = tool
    self.old = old
    self.new = new
  }

  /// Whether each definition has the fingerprint that the view names: what is not so must not be
  /// shown to anybody who decides.
  package var isConsistent: Bool {
    Self.fingerprint(old) == tool.accepted && Self.fingerprint(new) == tool.seen
  }

  private static func fingerprint(_ definition: JSONObject?) -> Digest? {
    definition.map { SHA256.hash(JSONWriter.canonicalBytes(of: .object($0))) }
  }
}

extension ToolDefinitions: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "tool": tool.json, "old": old.map { .object($0) }, "new": new.map { .object($0) },
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      tool: try ToolView(json: try json.member("tool")), old: try json.optional("old")?.object(),
      new: try json.optional("new")?.object())
  }
}

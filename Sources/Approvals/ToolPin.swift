import Cryptography
import JSON
import MCP
import OperatorProtocol
import Time

/// The definition of a tool that was accepted: at the first sight of its upstream, or by an operator.
struct AcceptedTool: Hashable, Sendable {
  /// SHA-256 of the canonical JSON of the definition.
  var fingerprint: Digest
  var definition: JSONObject
  /// How many definitions were accepted so far, this one included.
  var revision = 1
  var at: Timestamp?
  /// Nobody at first sight.
  var by: Text?
}

extension AcceptedTool: JSONConvertible {
  var json: JSONValue {
    .compact([
      "sha256": .string(fingerprint.hex), "definition": .object(definition),
      "revision": .int(revision), "at": at.map { .timestamp($0) }, "by": by.map { .string($0) },
    ])
  }

  init(json: JSONCursor) throws(JSONError) {
    self.init(
      fingerprint: try json.member("sha256").digest(),
      definition: try json.member("definition").object(),
      revision: try json.optional("revision")?.int(in: 1...Int.max) ?? 1,
      at: try json.maybe("at") { one throws(JSONError) in try one.timestamp() },
      by: try json.optional("by")?.text())
  }
}

/// A tool as its upstream lists it now, beside what was accepted of it.
struct ToolPin: Hashable, Sendable {
  var definition: ToolDefinition
  /// The fingerprint of `definition`.
  var seen: Digest
  /// The accepted fingerprint; nil for a tool that never was accepted.
  var fingerprint: Digest?
  let arguments: ArgumentNames

  init(definition: ToolDefinition, seen: Digest, fingerprint: Digest?) {
    self.definition = definition
    self.seen = seen
    self.fingerprint = fingerprint
    arguments = ArgumentNames(schema: definition.inputSchema)
  }

  /// Whether the tool may be used: it is what was accepted.
  var isAccepted: Bool { fingerprint == seen }

  var state: ToolView.State {
    guard fingerprint != nil else { return .unknown }
    return isAccepted ? .pinned : .drifted
  }
}

/// Names one tool of one upstream.
struct ToolPlace: Hashable, Sendable {
  var upstream: Text
  var tool: Text

  init(_ upstream: Text, _ tool: Text) {
    self.upstream = upstream
    self.tool = tool
  }

  /// The place of a stored record. An upstream's name has no slash.
  init?(key: Text) {
    let parts = key.utf8.split(
      separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let upstream = Text(utf8: parts[0]), let tool = Text(utf8: parts[1])
    else { return nil }
    self.init(upstream, tool)
  }

  var key: Text { "\(upstream)/\(tool)" }
}

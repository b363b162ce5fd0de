package import Cryptography
package import JSON
package import Time

/// One operator's word that a tool may be used as its upstream defines it now, as it is signed.
package struct ToolAcceptance: Hashable, Sendable {
  package var upstream: Text
  package var tool: Text
  /// The fingerprint that was accepted before; nil for a tool that never was.
  package var old: Digest?
  /// The fingerprint of the definition that the operator was shown.
  package var new: Digest
  /// How many definitions of this tool were accepted before: an acceptance counts once.
  package var revision: Int
  /// Why; not empty.
  package var reason: String
  package var operatorName: Text
  package var decidedAt: Timestamp

  package init(
    upstream: Text, tool: Text, old: Digest?, new: Digest, revision: Int, reason: String,
    operatorName: Text, decidedAt: Timestamp
  ) {
    self.upstream = upstream
    self.tool = tool
    self.old = old
    self.new = new
    self.revision = revision
    self.reason = reason
    self.operatorName = operatorName
    self.decidedAt = decidedAt
  }

  /// Accepts the definition with the fingerprint `new` in place of the one that `tool` shows as
  /// accepted.
  package init(
    of tool: ToolView, new: Digest, reason: String, operatorName: Text, decidedAt: Timestamp
  ) {
    self.init(
      upstream: tool.upstream, tool: tool.tool, old: tool.accepted, new: new,
      revision: tool.revision, reason: reason, operatorName: operatorName, decidedAt: decidedAt)
  }

  /// Reasons longer than this are refused.
  package static let reasonLimit = Decision.noteLimit

  package var signedBytes: [UInt8] { JSONWriter.canonicalBytes(of: json) }
}

extension ToolAcceptance: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "decided_at": .timestamp(decidedAt), "new_fingerprint": .string(new.hex),
      "old_fingerprint": old.map { .string($0.hex) }, "operator": .string(operatorName),
      "reason": .string(reason), "revision": .int(revision), "tool": .string(tool),
      "type": "countersign/tool-acceptance/v1", "upstream": .string(upstream),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: [
      "decided_at", "new_fingerprint", "old_fingerprint", "operator", "reason", "revision", "tool",
      "type", "upstream",
    ])
    guard try json.member("type").text() == "countersign/tool-acceptance/v1" else {
      throw try json.member("type").bad("this gateway reads countersign/tool-acceptance/v1")
    }
    let reason = try json.member("reason")
    guard (1...Self.reasonLimit).contains(try reason.text().count) else {
      throw reason.bad("a reason has 1 to \(Self.reasonLimit) bytes")
    }
    self.init(
      upstream: try json.member("upstream").text(), tool: try json.member("tool").text(),
      old: try json.maybe("old_fingerprint") { one throws(JSONError) in try one.digest() },
      new: try json.member("new_fingerprint").digest(),
      revision: try json.member("revision").int(in: 0...Int.max), reason: try reason.string(),
      operatorName: try json.member("operator").text(),
      decidedAt: try json.member("decided_at").timestamp())
  }
}

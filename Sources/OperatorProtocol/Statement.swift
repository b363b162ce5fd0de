package import Cryptography
package import JSON
package import Time

/// What an operator signs for: everything that decides what would be sent, under which rules, until
/// when. Its canonical JSON is digested; the digest is what every signature and dispatch refers to.
package struct Statement: Hashable, Sendable {
  package var batch: BatchID
  /// Rises when expiry, quorum, policy or tool definition change; never with the arguments.
  package var revision: Int
  package var agent: Text
  package var upstream: Text
  package var tool: Text
  /// SHA-256 of the tool's definition as it was pinned.
  package var toolFingerprint: Digest
  /// The arguments exactly as they will be sent.
  package var arguments: JSONObject
  /// `mainnet`, `testnet`, `demo`, `paper`, or `unverified`.
  package var environment: Text
  package var expiresAt: Timestamp
  /// How many distinct operators must sign.
  package var quorum: Int
  package var policyDigest: Digest

  package init(
    batch: BatchID, revision: Int, agent: Text, upstream: Text, tool: Text,
    toolFingerprint: Digest, arguments: JSONObject, environment: Text, expiresAt: Timestamp,
    quorum: Int, policyDigest: Digest
  ) {
    self.batch = batch
    self.revision = revision
    self.agent = agent
    self.upstream = upstream
    self.tool = tool
    self.toolFingerprint = toolFingerprint
    self.arguments = arguments
    self.environment = environment
    self.expiresAt = expiresAt
    self.quorum = quorum
    self.policyDigest = policyDigest
  }

  package var canonicalBytes: [UInt8] { JSONWriter.canonicalBytes(of: json) }
  package var digest: Digest { SHA256.hash(canonicalBytes) }
}

extension Statement: JSONConvertible {
  package var json: JSONValue {
    [
      "agent": .string(agent), "arguments": .object(arguments), "batch": .string(batch.text),
      "environment": .string(environment), "expires_at": .timestamp(expiresAt),
      "policy": .string(policyDigest.hex), "quorum": .int(quorum), "revision": .int(revision),
      "tool": .string(tool), "tool_fingerprint": .string(toolFingerprint.hex),
      "upstream": .string(upstream),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: [
      "agent", "arguments", "batch", "environment", "expires_at", "policy", "quorum", "revision",
      "tool", "tool_fingerprint", "upstream",
    ])
    self.init(
      batch: try json.member("batch").batchID(), revision: try json.member("revision").int(),
      agent: try json.member("agent").text(), upstream: try json.member("upstream").text(),
      tool: try json.member("tool").text(),
      toolFingerprint: try json.member("tool_fingerprint").digest(),
      arguments: try json.member("arguments").object(),
      environment: try json.member("environment").text(),
      expiresAt: try json.member("expires_at").timestamp(),
      quorum: try json.member("quorum").int(), policyDigest: try json.member("policy").digest())
  }
}

extension JSONCursor {
  /// 64 hexadecimal digits.
  package func digest() throws(JSONError) -> Digest {
    let text = try string()
    guard let digest = Digest(hex: text) else { throw bad("64 hexadecimal digits are expected") }
    return digest
  }
}

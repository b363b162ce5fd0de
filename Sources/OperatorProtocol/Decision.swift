package import Cryptography
package import JSON
package import Time

/// One operator's decision about one revision of a batch, as it is signed.
package struct Decision: Hashable, Sendable {
  package enum Verb: String, CaseIterable, Sendable {
    case approve, reject, recall
    /// Says what became of an unknown outcome; the note is the finding.
    case resolve
  }

  package var verb: Verb
  package var batch: BatchID
  package var revision: Int
  package var digest: Digest
  package var environment: Text
  package var operatorName: Text
  /// Rule ids of the finding groups that the operator accepted one by one.
  package var accepted: [Text]
  /// The reason of a rejection, or a note with an approval; shown to the agent.
  package var note: String
  package var decidedAt: Timestamp
  /// Random text that makes each signed decision unique.
  package var nonce: Text

  package init(
    verb: Verb, batch: BatchID, revision: Int, digest: Digest, environment: Text,
    operatorName: Text, accepted: [Text], note: String, decidedAt: Timestamp, nonce: Text
  ) {
    self.verb = verb
    self.batch = batch
    self.revision = revision
    self.digest = digest
    self.environment = environment
    self.operatorName = operatorName
    self.accepted = accepted
    self.note = note
    self.decidedAt = decidedAt
    self.nonce = nonce
  }

  /// Notes longer than this are refused.
  package static let noteLimit = 500

  package var signedBytes: [UInt8] { JSONWriter.canonicalBytes(of: json) }
}

extension Decision: JSONConvertible {
  package var json: JSONValue {
    [
      "accepted": .array(accepted.map { .string($0) }), "batch": .string(batch.text),
      "decided_at": .timestamp(decidedAt), "digest": .string(digest.hex),
      "environment": .string(environment), "nonce": .string(nonce), "note": .string(note),
      "operator": .string(operatorName), "revision": .int(revision),
      "type": "countersign/decision/v1", "verb": .string(verb.rawValue),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: [
      "accepted", "batch", "decided_at", "digest", "environment", "nonce", "note", "operator",
      "revision", "type", "verb",
    ])
    guard try json.member("type").text() == "countersign/decision/v1" else {
      throw try json.member("type").bad("this gateway reads countersign/decision/v1")
    }
    let note = try json.member("note")
    guard try note.text().count <= Self.noteLimit else {
      throw note.bad("a note has at most \(Self.noteLimit) bytes")
    }
    self.init(
      verb: try json.member("verb").one(of: Verb.self), batch: try json.member("batch").batchID(),
      revision: try json.member("revision").int(), digest: try json.member("digest").digest(),
      environment: try json.member("environment").text(),
      operatorName: try json.member("operator").text(),
      accepted: try json.list("accepted") { element throws(JSONError) in try element.text() },
      note: try note.string(), decidedAt: try json.member("decided_at").timestamp(),
      nonce: try json.member("nonce").text())
  }
}

/// A decision with the operator's Ed25519 signature over its canonical bytes.
package struct SignedDecision: Hashable, Sendable {
  package var decision: Decision
  /// 64 bytes.
  package var signature: Signature

  package init(decision: Decision, signature: Signature) {
    self.decision = decision
    self.signature = signature
  }

  package init(_ decision: Decision, signedWith key: SigningKey) {
    self.init(decision: decision, signature: key.sign(decision.signedBytes))
  }

  package func isSigned(by key: PublicKey) -> Bool {
    key.verify(signature, of: decision.signedBytes)
  }
}

extension SignedDecision: JSONConvertible {
  package var json: JSONValue {
    ["decision": decision.json, "signature": .string(signature.base64)]
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["decision", "signature"])
    let text = try json.member("signature")
    guard let signature = Signature(base64: try text.string()) else {
      throw text.bad("64 bytes in base64 are expected")
    }
    self.init(decision: try Decision(json: try json.member("decision")), signature: signature)
  }
}

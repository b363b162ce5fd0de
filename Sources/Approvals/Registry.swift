package import Cryptography
package import JSON
package import OperatorProtocol

/// Everybody the gateway knows: agents by hashed token, operators by public key.
package struct Registry: Hashable, Sendable {
  package struct Agent: Hashable, Sendable {
    package var name: Text
    /// SHA-256 of the bearer token.
    package var tokenHash: Digest
    package var isRevoked: Bool
    /// The operator whose agent it is.
    package var owner: Text?

    package init(name: Text, tokenHash: Digest, isRevoked: Bool = false, owner: Text? = nil) {
      self.name = name
      self.owner = owner
      self.tokenHash = tokenHash
      self.isRevoked = isRevoked
    }
  }

  package struct Operator: Hashable, Sendable {
    package var name: Text
    package var key: PublicKey
    package var role: Role
    package var isRevoked: Bool

    package init(name: Text, key: PublicKey, role: Role, isRevoked: Bool = false) {
      self.name = name
      self.key = key
      self.role = role
      self.isRevoked = isRevoked
    }
  }

  package var agents: [Text: Agent] = [:]
  package var operators: [Text: Operator] = [:]

  package init() {}

  /// The agent whose token hashes to `hash`. Nil for unknown and revoked tokens.
  package func agent(tokenHash hash: Digest) -> Agent? {
    agents.values.first { !$0.isRevoked && constantTimeEquals($0.tokenHash, hash) }
  }

  /// The operator of a name, unless revoked.
  package func activeOperator(_ name: Text) -> Operator? {
    operators[name].flatMap { $0.isRevoked ? nil : $0 }
  }

  /// Whether the agent is this operator's, or another name's of the same key.
  package func isOwner(_ person: Operator, of agent: Text) -> Bool {
    guard let owner = agents[agent]?.owner else { return false }
    return owner == person.name || operators[owner]?.key == person.key
  }

  /// Whether an agent of this name is registered and not revoked.
  package func activeAgent(_ name: Text) -> Bool { agents[name]?.isRevoked == false }

  /// Names of agents and operators: 1 to 64 of `A-Z a-z 0-9 . _ -`.
  package static func isName(_ name: Text) -> Bool {
    (1...64).contains(name.count)
      && name.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
          || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      }
  }
}

extension Registry {
  /// Everybody in one document, by kind and name.
  var recorded: JSONValue {
    [
      "agents": .array(agents.sorted { $0.key < $1.key }.map(\.value.json)),
      "operators": .array(operators.sorted { $0.key < $1.key }.map(\.value.json)),
    ]
  }

  init(recorded json: JSONValue) throws(JSONError) {
    self.init()
    let cursor = JSONCursor(json)
    for one in try cursor.member("agents").elements() {
      let agent = try Agent(json: one)
      agents[agent.name] = agent
    }
    for one in try cursor.member("operators").elements() {
      let person = try Operator(json: one)
      operators[person.name] = person
    }
  }
}

extension Registry.Agent: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "name": .string(name), "token_sha256": .string(tokenHash.hex), "revoked": .bool(isRevoked),
      "owner": owner.map { .string($0) },
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["name", "token_sha256", "revoked", "owner"])
    self.init(
      name: try json.member("name").text(), tokenHash: try json.member("token_sha256").digest(),
      isRevoked: try json.member("revoked").bool(), owner: try json.optional("owner")?.text())
  }
}

extension Registry.Operator: JSONConvertible {
  package var json: JSONValue {
    [
      "name": .string(name), "key": .string(key.base64), "role": .string(role.rawValue),
      "revoked": .bool(isRevoked),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["name", "key", "role", "revoked"])
    let key = try json.member("key")
    guard let publicKey = PublicKey(base64: try key.string()) else {
      throw key.bad("an Ed25519 public key of 32 bytes in base64 is expected")
    }
    self.init(
      name: try json.member("name").text(), key: publicKey,
      role: try json.member("role").one(of: Role.self),
      isRevoked: try json.member("revoked").bool())
  }
}

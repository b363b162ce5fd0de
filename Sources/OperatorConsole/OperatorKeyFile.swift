package import Cryptography
import Foundation
package import JSON

/// An operator's signing key as a file: sealed with a passphrase, or plain.
package struct OperatorKeyFile: Hashable, Sendable {
  /// How the 32-byte seed stands in the file.
  package enum Secret: Hashable, Sendable {
    case plain(seed: [UInt8])
    case sealed(Sealed)
  }

  package var name: Text
  package var publicKey: PublicKey
  package var secret: Secret

  /// A key of `seed` (32 random bytes) for the operator `name`, not sealed.
  package static func plain(name: Text, seed: [UInt8]) throws -> OperatorKeyFile {
    let key = try SigningKey(seed: seed)
    return OperatorKeyFile(name: name, publicKey: key.publicKey, secret: .plain(seed: seed))
  }

  /// The same sealed with `passphrase`; salt (16) and nonce (12) are random bytes.
  package static func sealed(
    name: Text, seed: [UInt8], passphrase: String, salt: [UInt8], nonce: [UInt8]
  ) throws -> OperatorKeyFile {
    let key = try SigningKey(seed: seed)
    let box = try Sealed.seal(secret: seed, passphrase: passphrase, salt: salt, nonce: nonce)
    return OperatorKeyFile(name: name, publicKey: key.publicKey, secret: .sealed(box))
  }

  package var needsPassphrase: Bool { if case .sealed = secret { true } else { false } }

  /// The key itself. Throws `.passphrase` when one is needed and is missing or wrong.
  package func unlock(passphrase: String? = nil) throws(OperatorClientError) -> OperatorKey {
    let seed: [UInt8]
    switch secret {
    case .plain(let bytes): seed = bytes
    case .sealed(let box):
      guard let passphrase else {
        throw OperatorClientError(
          .passphrase, "the key of \(name) is sealed", fix: "give its passphrase")
      }
      do { seed = try box.open(passphrase: passphrase) } catch {
        throw OperatorClientError(
          .passphrase, "the passphrase does not open the key of \(name)", fix: "try again")
      }
    }
    guard let key = try? SigningKey(seed: seed), key.publicKey == publicKey else {
      throw OperatorClientError(
        .keyFile, "the key file of \(name) is damaged: its halves do not belong together",
        fix: "restore it from a copy, or make a new key")
    }
    return OperatorKey(name: name, key: key)
  }
}

/// An unlocked key and the name it signs for.
package struct OperatorKey: Sendable {
  package let name: Text
  package let key: SigningKey

  package init(name: Text, key: SigningKey) {
    self.name = name
    self.key = key
  }
}

extension OperatorKeyFile: JSONConvertible {
  private static let type: Text = "countersign/operator-key/v1"

  package var json: JSONValue {
    var members: KeyValuePairs<Text, JSONValue?> {
      switch secret {
      case .plain(let seed):
        [
          "type": .string(Self.type), "name": .string(name), "public": .string(publicKey.base64),
          "seed": .string(Base64.encode(seed)),
        ]
      case .sealed(let box):
        [
          "type": .string(Self.type), "name": .string(name), "public": .string(publicKey.base64),
          "sealed": Self.json(box),
        ]
      }
    }
    return .compact(members)
  }

  private static func json(_ box: Sealed) -> JSONValue {
    [
      "log_n": .int(box.cost.logN), "r": .int(box.cost.r), "p": .int(box.cost.p),
      "salt": .string(Base64.encode(box.salt)), "nonce": .string(Base64.encode(box.nonce)),
      "ciphertext": .string(Base64.encode(box.ciphertext)),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["type", "name", "public", "seed", "sealed"])
    guard try json.member("type").text() == Self.type else {
      throw try json.member("type").bad("\(Self.type) is expected")
    }
    let key = try json.member("public")
    guard let publicKey = PublicKey(base64: try key.string()) else {
      throw key.bad("32 bytes in base64 are expected")
    }
    name = try json.member("name").text()
    self.publicKey = publicKey
    if let seed = try json.optional("seed") {
      secret = .plain(seed: try seed.base64())
    } else {
      secret = .sealed(try Self.box(try json.member("sealed")))
    }
  }

  private static func box(_ json: JSONCursor) throws(JSONError) -> Sealed {
    try json.allow(only: ["log_n", "r", "p", "salt", "nonce", "ciphertext"])
    let cost = Scrypt.Cost(
      logN: try json.member("log_n").int(), r: try json.member("r").int(),
      p: try json.member("p").int())
    guard let cost else { throw json.bad("the cost is out of range") }
    let (salt, nonce) = (try json.member("salt").base64(), try json.member("nonce").base64())
    let ciphertext = try json.member("ciphertext").base64()
    guard
      let box = try? Sealed(cost: cost, salt: salt, nonce: nonce, ciphertext: ciphertext)
    else { throw json.bad("a field has the wrong length") }
    return box
  }
}

extension JSONCursor {
  fileprivate func base64() throws(JSONError) -> [UInt8] {
    guard let bytes = Base64.decode(try string()) else { throw bad("base64 is expected") }
    return bytes
  }
}

extension OperatorKeyFile {
  /// Reads a key file. It must be a regular file of this user that nobody else can read.
  package static func read(_ path: String) throws(OperatorClientError) -> OperatorKeyFile {
    let bytes = try PrivateFile.read(path)
    do {
      return try OperatorKeyFile(
        json: JSONCursor(try JSONParser.parse(bytes, limits: JSONLimits(bytes: 1 << 16))))
    } catch {
      throw OperatorClientError(
        .keyFile, "\(path) is no operator key: \(error)",
        fix: "make one with `countersign operator init`")
    }
  }

  /// Writes a new key file with mode 0600. An existing file is never overwritten.
  package func write(_ path: String) throws(OperatorClientError) {
    try PrivateFile.create(path, JSONWriter.bytes(of: json) + [UInt8(ascii: "\n")])
  }
}

package import Cryptography
package import JSON

/// An operator's signature over a statement, with all that is needed to check it.
package struct OperatorSignature: Hashable, Sendable {
  /// The most bytes of an operator's name.
  package static let nameLimit = 128

  package let name: Text
  package let key: PublicKey
  /// The exact bytes that were signed.
  package let statement: [UInt8]
  package let signature: Signature

  package init(name: Text, key: PublicKey, statement: [UInt8], signature: Signature) {
    self.name = name
    self.key = key
    self.statement = statement
    self.signature = signature
  }

  package var isValid: Bool { key.verify(signature, of: statement) }
}

extension OperatorSignature: JSONConvertible {
  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["operator", "public_key", "signature", "statement"])
    let name = try json.member("operator").text(upTo: Self.nameLimit)
    let keyField = try json.member("public_key")
    guard let key = PublicKey(base64: try keyField.string()) else {
      throw keyField.bad("not the base64 of an Ed25519 public key")
    }
    let signatureField = try json.member("signature")
    guard let signature = Signature(base64: try signatureField.string()) else {
      throw signatureField.bad("not the base64 of an Ed25519 signature")
    }
    let statementField = try json.member("statement")
    guard let statement = Base64.decode(try statementField.string()) else {
      throw statementField.bad("not base64")
    }
    self.init(name: name, key: key, statement: statement, signature: signature)
  }

  package var json: JSONValue {
    [
      "operator": .string(name), "public_key": .string(key.base64),
      "signature": .string(signature.base64), "statement": .string(Base64.encode(statement)),
    ]
  }
}

package import Cryptography
package import JSON
package import Time

/// An account's key, and what proves that it is ours. Never printed.
package struct V5Credentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  package enum Proof: Sendable {
    /// HMAC-SHA256, lower-case hexadecimal.
    case secret(String)
    /// RSA-SHA256, base64.
    case rsa(RSASigningKey)
  }

  package let key: String
  package let proof: Proof

  package init(key: String, secret: String) {
    self.key = key
    proof = .secret(secret)
  }

  package init(key: String, rsa: RSASigningKey) {
    self.key = key
    proof = .rsa(rsa)
  }

  package var description: String { "a V5 key" }
  package var debugDescription: String { description }

  func code(of message: [UInt8]) -> String {
    switch proof {
    case .secret(let secret): HMACSHA256.code(key: secret.utf8, message: message).hex
    case .rsa(let key): Base64.encode(key.sign(message))
    }
  }
}

/// Signs V5 requests with HMAC-SHA256 or RSA-SHA256. Pure.
package struct V5Signer: Sendable {
  package let credentials: V5Credentials
  /// How old a request may be when the exchange reads it.
  package let receiveWindow: Milliseconds

  package init(_ credentials: V5Credentials, receiveWindow: Milliseconds = .seconds(5)) {
    self.credentials = credentials
    self.receiveWindow = receiveWindow
  }

  /// The signature of a REST request.
  ///
  /// - Parameter payload: The query string exactly as sent, or the body's bytes exactly as sent.
  package func signature(at moment: Timestamp, payload: some Collection<UInt8>) -> String {
    let head = "\(moment.milliseconds)\(credentials.key)\(receiveWindow.count)"
    return code(of: Array(head.utf8) + Array(payload))
  }

  /// The headers of a signed REST request; one more tells of an RSA signature.
  package func headers(
    at moment: Timestamp, payload: some Collection<UInt8>
  ) -> [(name: String, value: String)] {
    var headers = [
      (name: "X-BAPI-API-KEY", value: credentials.key),
      (name: "X-BAPI-TIMESTAMP", value: String(moment.milliseconds)),
      (name: "X-BAPI-RECV-WINDOW", value: String(receiveWindow.count)),
      (name: "X-BAPI-SIGN", value: signature(at: moment, payload: payload)),
    ]
    if case .rsa = credentials.proof { headers.append((name: "X-BAPI-SIGN-TYPE", value: "2")) }
    return headers
  }

  /// The `args` of a WebSocket `auth` operation that is valid until `expiry`.
  package func socketArguments(expiring expiry: Timestamp) -> JSONValue {
    let signature = code(of: Array("GET/realtime\(expiry.milliseconds)".utf8))
    return .array([.string(credentials.key), .int(expiry.milliseconds), .string(signature)])
  }

  private func code(of message: [UInt8]) -> String { credentials.code(of: message) }
}

/// A query string as V5 wants it: sorted by name, values percent-encoded.
package enum V5Query {
  package static func text(of items: [(name: String, value: String)]) -> String {
    items.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
      .map { "\(escaped($0.name))=\(escaped($0.value))" }.joined(separator: "&")
  }

  /// Everything except RFC 3986's unreserved characters becomes `%XX`.
  private static func escaped(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.append(byte)
      default: out += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}

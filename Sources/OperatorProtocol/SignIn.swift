package import JSON
package import Time

/// What an operator may do.
package enum Role: String, CaseIterable, Comparable, Sendable {
  case viewer
  case approver = "operator"
  case admin

  package var canDecide: Bool { self != .viewer }
  package static func < (a: Role, b: Role) -> Bool { a.rank < b.rank }
  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// The gateway's question at sign-in. The operator signs its canonical JSON.
package struct Challenge: Hashable, Sendable {
  package var operatorName: Text
  package var gateway: Text
  package var nonce: Text
  package var expiresAt: Timestamp

  package init(operatorName: Text, gateway: Text, nonce: Text, expiresAt: Timestamp) {
    self.operatorName = operatorName
    self.gateway = gateway
    self.nonce = nonce
    self.expiresAt = expiresAt
  }

  package var signedBytes: [UInt8] { JSONWriter.canonicalBytes(of: json) }
}

extension Challenge: JSONConvertible {
  package var json: JSONValue {
    [
      "expires_at": .timestamp(expiresAt), "gateway": .string(gateway), "nonce": .string(nonce),
      "operator": .string(operatorName), "type": "countersign/sign-in/v1",
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["expires_at", "gateway", "nonce", "operator", "type"])
    guard try json.member("type").text() == "countersign/sign-in/v1" else {
      throw try json.member("type").bad("countersign/sign-in/v1 is expected")
    }
    self.init(
      operatorName: try json.member("operator").text(),
      gateway: try json.member("gateway").text(), nonce: try json.member("nonce").text(),
      expiresAt: try json.member("expires_at").timestamp())
  }
}

/// The answer to a correct sign-in.
package struct SessionGrant: Hashable, Sendable {
  /// Sent as `Authorization: Bearer` on the operators' listener; it opens nothing elsewhere.
  package var token: Text
  package var role: Role
  package var expiresAt: Timestamp

  package init(token: Text, role: Role, expiresAt: Timestamp) {
    self.token = token
    self.role = role
    self.expiresAt = expiresAt
  }
}

extension SessionGrant: JSONConvertible {
  package var json: JSONValue {
    [
      "token": .string(token), "role": .string(role.rawValue),
      "expires_at": .timestamp(expiresAt),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      token: try json.member("token").text(), role: try json.member("role").one(of: Role.self),
      expiresAt: try json.member("expires_at").timestamp())
  }
}

/// The paths of the operator API.
package enum OperatorRoute {
  package static let challenge = "/v1/session/challenge"
  package static let session = "/v1/session"
  package static let status = "/v1/status"
  package static let batches = "/v1/batches"
  package static let decisions = "/v1/decisions"
  package static let orders = "/v1/orders"
  package static let limits = "/v1/limits"
  package static let ledger = "/v1/ledger"
  package static let checkpoint = "/v1/ledger/checkpoint"
  package static let consistency = "/v1/ledger/consistency"
  package static let halt = "/v1/halt"
  package static let events = "/v1/events"
  package static let agents = "/v1/agents"
  package static let operators = "/v1/operators"
  package static let exposure = "/v1/exposure"
  package static let policy = "/v1/policy"
}

/// Why the operator API refused: a stable code for programs and a sentence for people.
package struct OperatorRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, CaseIterable, Sendable {
    case badRequest = "bad_request"
    case unauthenticated, forbidden
    case notFound = "not_found"
    /// The digest or revision is no longer the batch's.
    case stale
    /// The batch is in a state that the decision does not fit, or a rule forbids it.
    case refused
    case unavailable

    /// The HTTP status that carries it.
    package var status: Int {
      switch self {
      case .badRequest: 400
      case .unauthenticated: 401
      case .forbidden: 403
      case .notFound: 404
      case .stale: 409
      case .refused: 422
      case .unavailable: 503
      }
    }
  }

  package var code: Code
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}

extension OperatorRefusal: JSONConvertible {
  package var json: JSONValue {
    ["error": ["code": .string(code.rawValue), "message": .string(message)]]
  }

  package init(json: JSONCursor) throws(JSONError) {
    let error = try json.member("error")
    self.init(try error.member("code").one(of: Code.self), try error.member("message").string())
  }
}

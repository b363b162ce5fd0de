package import JSON

/// The id of a JSON-RPC request: a string or a whole number, never null or fractional.
///
/// A number must be written as plain digits that fit 64 bits, so that the answer carries exactly
/// the bytes that were asked with; `1.0`, `1e0` and `-0` are refused.
package enum RPCID: Hashable, Sendable, CustomStringConvertible {
  case number(Int)
  case string(Text)

  /// UTF-8 bytes of the longest string id.
  package static let longest = 512

  /// The id of a JSON value, or nil when it is none.
  package init?(json: JSONValue) {
    switch json {
    case .number(let number):
      guard let int = number.int, String(int) == number.text else { return nil }
      self = .number(int)
    case .string(let text):
      guard text.count <= Self.longest else { return nil }
      self = .string(text)
    case .null, .bool, .array, .object: return nil
    }
  }

  package var json: JSONValue {
    switch self {
    case .number(let number): .int(number)
    case .string(let text): .string(text)
    }
  }

  package var description: String { JSONWriter.text(of: json) }
}

/// The token by which a requester knows the progress of one of its requests: same form as an id.
package typealias ProgressToken = RPCID

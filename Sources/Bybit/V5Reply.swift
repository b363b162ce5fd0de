package import JSON
import Networking
package import Time

/// The envelope of a V5 REST answer.
package struct V5Reply: Hashable, Sendable {
  package let retCode: V5Code
  package let retMsg: String
  package let result: JSONValue
  package let retExtInfo: JSONValue
  /// The exchange's clock when it answered.
  package let time: Timestamp?
  /// The whole envelope as received.
  package let envelope: JSONValue

  package init(envelope: JSONValue) throws(V5Error) {
    do throws(JSONError) {
      let cursor = JSONCursor(envelope)
      retCode = V5Code(rawValue: try cursor.member("retCode").int())
      retMsg = try cursor.optional("retMsg")?.string() ?? ""
      result = try cursor.object()["result"] ?? .null
      retExtInfo = try cursor.object()["retExtInfo"] ?? .null
      time = try cursor.optional("time").map { cursor throws(JSONError) in
        Timestamp(milliseconds: Int64(try cursor.int()))
      }
    } catch {
      throw V5Error(.malformed, "the answer is no V5 envelope: \(error)")
    }
    self.envelope = envelope
  }

  /// `result.list`, empty when absent.
  package var list: [JSONValue] { result["list"]?.arrayValue ?? [] }
  /// The cursor of the next page; nil on the last one.
  package var nextPageCursor: String? {
    result["nextPageCursor"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The outcome of each leg of a batch, in the request's order; empty for anything else.
  package var legCodes: [(code: V5Code, message: String)] {
    (retExtInfo["list"]?.arrayValue ?? []).map {
      (V5Code(rawValue: $0["code"]?.intValue ?? -1), $0["msg"]?.stringValue ?? "")
    }
  }

  /// This reply, or the refusal as an error.
  package func accepted() throws(V5Error) -> V5Reply {
    guard retCode == .ok else {
      throw V5Error(
        .refused, "Bybit API error \(retCode): \(retMsg)", delivery: .ambiguous, retCode: retCode)
    }
    return self
  }
}

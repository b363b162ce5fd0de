import Approvals
import Foundation
import JSON
import Time

/// Documents as they stand in the database.
enum StoredDocument {
  /// How large a document may be: a held call with an agent's largest message and room around it.
  static let limits = JSONLimits(
    bytes: 16 << 20, depth: 128, stringBytes: 8 << 20, numberBytes: 256, values: 1 << 21)

  /// Throws `badDocument` for what `read` would refuse, which would keep the gateway from starting.
  static func bytes(of value: JSONValue, key: Text) throws(StorageError) -> Data {
    let bytes = JSONWriter.bytes(of: value)
    do throws(JSONError) {
      _ = try JSONParser.parse(bytes, limits: limits)
    } catch {
      throw StorageError(
        .badDocument, "the document of \(key) cannot be stored: \(error)",
        fix: "report this; nothing of it was written")
    }
    return Data(bytes)
  }

  static func read(_ data: Data, key: Text) throws(StorageError) -> JSONValue {
    do throws(JSONError) {
      return try JSONParser.parse(Array(data), limits: limits)
    } catch {
      throw StorageError(
        .damaged, "the document of \(key) cannot be read: \(error)",
        fix: "restore the state from a backup; the ledger tells what was decided")
    }
  }

  /// When a held call was settled, in milliseconds since 1970; nil while it is not.
  static func settledAt(_ document: JSONValue, key: Text) throws(StorageError) -> Int64? {
    switch document["settled_at"] {
    case nil, .null: return nil
    case .number(let number):
      if let milliseconds = number.int { return Int64(milliseconds) }
    case .string(let text):
      if let time = Timestamp(rfc3339: text.string) { return time.milliseconds }
    default: break
    }
    throw StorageError(
      .badDocument, "settled_at of \(key) is no time", fix: "write it as RFC 3339")
  }
}

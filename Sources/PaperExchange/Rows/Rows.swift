import Decimals
import Exchange
import JSON
import Time

/// The V5 rows of orders, fills, positions, wallets and markets. Numbers are strings unless the
/// interface says otherwise.
enum Rows {
  /// Digits without trailing zeros after the point.
  static func plain(_ value: ExactDecimal) -> String { value.normalized.description }

  /// The digits, or an empty string for what is not there.
  static func text(_ value: ExactDecimal?) -> String { value?.description ?? "" }
}

extension JSONObject {
  init(strings: [(Text, String)]) {
    self.init()
    for (key, value) in strings { self[key] = .string(value) }
  }

  /// The members of several lists, one after the other.
  init(joining parts: [(Text, String)]...) {
    self.init(strings: parts.flatMap { $0 })
  }
}

extension Timestamp {
  /// Milliseconds as digits.
  var text: String { String(milliseconds) }
}

package import Decimals

/// Where one order stands.
package enum LegState: Hashable, Sendable {
  /// On its way; no answer yet.
  case sent
  /// The exchange took it. That is no fill.
  case acked
  case working
  case partFilled
  case filled
  /// Ended with this quantity filled, which may be zero.
  case cancelled(filledQty: ExactDecimal)
  case rejected(code: Int?, words: String)
  /// Nobody can say whether the order exists.
  case unknown
  /// A person established what became of it.
  case resolved(words: String)

  /// The word of the wire and the screen.
  package var name: String {
    switch self {
    case .sent: "sent"
    case .acked: "acked"
    case .working: "working"
    case .partFilled: "part-filled"
    case .filled: "filled"
    case .cancelled: "cancelled"
    case .rejected: "rejected"
    case .unknown: "unknown"
    case .resolved: "resolved"
    }
  }

  /// Nothing more can happen to the order.
  package var isFinal: Bool {
    switch self {
    case .filled, .cancelled, .rejected, .resolved: true
    case .sent, .acked, .working, .partFilled, .unknown: false
    }
  }
}

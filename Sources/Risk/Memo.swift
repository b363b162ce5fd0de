import JSON
import Synchronization

/// What several rules ask of one batch, kept by the first that asks. Values are computed outside the
/// lock: one may need another.
final class Memo: Sendable {
  private struct Values {
    var usual: [Text: RiskContext.Usual?] = [:]
    var marginAfter: RiskContext.MarginAfter?
  }

  private let values = Mutex(Values())

  func usual(
    _ symbol: Text, _ compute: () throws -> RiskContext.Usual?
  ) rethrows -> RiskContext.Usual? {
    if let known = values.withLock({ $0.usual[symbol] }) { return known }
    let value = try compute()
    values.withLock { $0.usual[symbol] = .some(value) }
    return value
  }

  func marginAfter(
    _ compute: () throws -> RiskContext.MarginAfter
  ) rethrows -> RiskContext.MarginAfter {
    if let known = values.withLock({ $0.marginAfter }) { return known }
    let value = try compute()
    values.withLock { $0.marginAfter = value }
    return value
  }
}

/// A `retCode` of V5, or the `code` of one leg of a batch.
package struct V5Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }
  private init(_ rawValue: Int) { self.rawValue = rawValue }

  package static let ok = V5Code(0)
  package static let badParameter = V5Code(10001)
  package static let outsideReceiveWindow = V5Code(10002)
  package static let badKey = V5Code(10003)
  package static let badSignature = V5Code(10004)
  package static let noPermission = V5Code(10005)
  package static let tooManyVisits = V5Code(10006)
  package static let serverError = V5Code(10016)
  package static let duplicateRequestID = V5Code(20006)
  package static let orderNotFound = V5Code(110001)
  package static let spotOrderNotFound = V5Code(170213)
  package static let duplicateLinkID = V5Code(110072)
  package static let spotDuplicateLinkID = V5Code(170141)

  /// Codes after which nobody knows whether the exchange acted: reconcile, never repeat.
  private static let ambiguous: Set<Int> = [
    429, 10000, 10006, 10016, 10019, 10403, 10429, 170001, 170005, 170007, 170032, 20003, 20006,
    500000,
  ]

  package var outcomeIsUnknown: Bool { Self.ambiguous.contains(rawValue) }
  /// The key itself is refused: asking again changes nothing.
  package var isAboutTheKey: Bool {
    [Self.badKey, .badSignature, .noPermission].contains(self) || [10010, 33004].contains(rawValue)
  }
  package var isDuplicateLinkID: Bool { self == .duplicateLinkID || self == .spotDuplicateLinkID }

  package var description: String { String(rawValue) }
}

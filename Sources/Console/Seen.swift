import Cryptography
import JSON
import OperatorProtocol
import Time

/// Something of a batch that must have been on the screen before it can be approved.
enum SeenItem: Hashable, Sendable {
  /// A leg, from 1.
  case leg(Int)
  /// A finding group at a severity: a group that becomes worse must be seen again.
  case group(Text, Severity)
  /// The arguments of a call that is no order batch.
  case arguments
  /// What changed in the definition of a tool.
  case definition

  var words: String {
    switch self {
    case .leg(let number): "leg \(number)"
    case .group(let rule, _): "finding \(rule)"
    case .arguments: "the arguments"
    case .definition: "the definition"
    }
  }
}

/// One row of an item as it was laid out for one width.
struct SeenMark: Hashable, Sendable {
  var item: SeenItem
  var part: Int
  var parts: Int
  var width: Int
}

/// Which bytes of which revision a view was computed from: of a batch's statement, or of a tool's
/// definition.
struct ContentVersion: Hashable, Sendable {
  var revision: Int
  var digest: Digest
}

/// How much of one version of a batch has been on the screen.
struct SeenRecord: Hashable, Sendable {
  let version: ContentVersion
  let firstPaintedAt: Timestamp
  private var rows: [Layout: Set<Int>] = [:]
  private(set) var items: Set<SeenItem> = []

  private struct Layout: Hashable, Sendable {
    var item: SeenItem
    var parts: Int
    var width: Int
  }

  /// Layouts that are remembered; a terminal that is resized more often starts to be forgotten.
  private static let layoutLimit = 512

  init(version: ContentVersion, at now: Timestamp) {
    self.version = version
    firstPaintedAt = now
  }

  mutating func add(_ marks: [SeenMark]) {
    if rows.count > Self.layoutLimit { rows = [:] }
    for mark in marks where !items.contains(mark.item) {
      let layout = Layout(item: mark.item, parts: mark.parts, width: mark.width)
      rows[layout, default: []].insert(mark.part)
      if rows[layout]?.count == mark.parts { items.insert(mark.item) }
    }
  }

  /// What of `wanted` has not been on the screen.
  func missing(of wanted: [SeenItem]) -> [SeenItem] { wanted.filter { !items.contains($0) } }

  /// The least time for which a batch of that many legs is looked at.
  static func dwell(legs: Int) -> Milliseconds { Milliseconds(400 + 60 * Int64(legs)) }
}

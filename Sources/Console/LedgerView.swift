import JSON
import OperatorProtocol

/// The part of the ledger that the console has read, and what it knows of the chain.
struct LedgerView: Hashable, Sendable {
  static let limit = 2_000

  private(set) var entries: [Int: JSONObject] = [:]
  /// Entries in the ledger, as the gateway says.
  private(set) var size = 0
  /// The last signed note, line by line.
  var checkpoint: String?
  /// The index under the cursor; nil follows the newest.
  var cursor: Int?
  var isLoading = false

  var newest: Int? { entries.keys.max() }
  var oldest: Int? { entries.keys.min() }
  var current: Int? { cursor ?? newest }
  var indexes: [Int] { entries.keys.sorted(by: >) }

  mutating func take(_ entry: JSONObject) {
    guard let index = entry["index"]?.intValue, index >= 0 else { return }
    entries[index] = entry
    size = max(size, index + 1)
    guard entries.count > Self.limit, let oldest else { return }
    entries[oldest] = nil
  }

  mutating func take(_ page: [JSONObject], size: Int) {
    isLoading = false
    for entry in page { take(entry) }
    self.size = max(size, self.size)
  }

  mutating func know(size: Int) { self.size = max(size, self.size) }

  /// Entries whose text holds every word of `filter`, newest first; all of them for an empty one.
  func indexes(matching filter: String) -> [Int] {
    let words = filter.lowercased().split(separator: " ").map(String.init)
    guard !words.isEmpty else { return indexes }
    return indexes.filter { index in
      guard let entry = entries[index] else { return false }
      let text = Text(JSONWriter.canonicalText(of: .object(entry)))
      return words.allSatisfy { text.holds($0) }
    }
  }

  /// Moves the cursor to an older (positive) or newer entry of those that match. At the newest it
  /// follows again.
  mutating func move(by steps: Int, matching filter: String = "") {
    let all = indexes(matching: filter)
    guard let current, !all.isEmpty else { return }
    // From an entry that does not match the next older one counts as its place.
    let at = all.firstIndex { $0 <= current } ?? all.count - 1
    let target = min(max(0, at + steps), all.count - 1)
    cursor = target == 0 && filter.isEmpty ? nil : all[target]
  }

  /// Indexes between the oldest and newest read entry that are missing.
  var gaps: Int {
    guard let newest, let oldest else { return 0 }
    return newest - oldest + 1 - entries.count
  }
}

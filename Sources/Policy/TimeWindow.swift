package import JSON
package import Time

/// What a zone's clocks show: their distance from UTC, and when it changes.
package struct ZoneRules: Hashable, Sendable {
  package struct Change: Hashable, Sendable {
    package let from: Timestamp
    /// Seconds east of UTC.
    package let offset: Int

    package init(from: Timestamp, offset: Int) {
      self.from = from
      self.offset = offset
    }
  }

  private let first: Int
  private let changes: [Change]

  /// - Parameters:
  ///   - first: Seconds east of UTC before the first change.
  ///   - changes: In the order of time.
  package init(first: Int, changes: [Change] = []) {
    self.first = first
    self.changes = changes
  }

  func offset(at moment: Timestamp) -> Int {
    changes.last { $0.from <= moment }?.offset ?? first
  }

  /// `UTC`, `+02:00` and the like need no table. Nil for names.
  static func fixed(_ name: Text) -> ZoneRules? {
    if name == "UTC" { return ZoneRules(first: 0) }
    let bytes = name.bytes
    guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
      let minutes = TimeWindow.minutes(Text(utf8: bytes.dropFirst()) ?? ""), minutes <= 14 * 60
    else { return nil }
    return ZoneRules(first: (bytes[0] == UInt8(ascii: "+") ? 60 : -60) * minutes)
  }
}

/// A time of day on some days of the week, in a zone.
package struct TimeWindow: Hashable, Sendable, CustomStringConvertible {
  package enum Day: String, CaseIterable, Hashable, Sendable {
    case mon, tue, wed, thu, fri, sat, sun
  }

  /// Minutes after midnight; the first is in, the last is out. Past midnight when `until` is not
  /// after `from`: such a window belongs to the day on which it begins.
  let from: Int
  let until: Int
  let days: Set<Day>
  package let zone: Text

  package var description: String {
    let names = Day.allCases.filter(days.contains).map(\.rawValue)
    let which = names.count == 7 ? "" : " on " + names.joined(separator: ", ")
    return "from \(Self.clock(from)) to \(Self.clock(until))\(which) in \(zone)"
  }

  func contains(_ moment: Timestamp, _ zones: [Text: ZoneRules]) -> Truth {
    guard let rules = ZoneRules.fixed(zone) ?? zones[zone] else { return .unknown }
    let local = Self.floor(moment.milliseconds, 1000) + Int64(rules.offset(at: moment))
    let day = Self.floor(local, 86_400)
    let minute = Int((local - day * 86_400) / 60)
    // Day 0 was a Thursday.
    let today = Day.allCases[Int((day + 3) - Self.floor(day + 3, 7) * 7)]
    let yesterday = Day.allCases[Int((day + 2) - Self.floor(day + 2, 7) * 7)]
    if from < until { return days.contains(today) && from <= minute && minute < until ? .yes : .no }
    let isIn = days.contains(today) && minute >= from || days.contains(yesterday) && minute < until
    return isIn ? .yes : .no
  }

  private static func floor(_ a: Int64, _ b: Int64) -> Int64 {
    a >= 0 ? a / b : (a - b + 1) / b
  }

  private static func clock(_ minutes: Int) -> String {
    let (hour, minute) = (minutes / 60, minutes % 60)
    return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
  }

  /// `HH:MM` from 00:00 to 24:00 as minutes after midnight.
  static func minutes(_ text: Text) -> Int? {
    let bytes = text.bytes
    guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"),
      [0, 1, 3, 4].allSatisfy({ (48...57).contains(bytes[$0]) })
    else { return nil }
    func number(_ at: Int) -> Int { Int(bytes[at] - 48) * 10 + Int(bytes[at + 1] - 48) }
    let (hour, minute) = (number(0), number(3))
    guard minute < 60, hour < 24 || hour == 24 && minute == 0 else { return nil }
    return hour * 60 + minute
  }
}

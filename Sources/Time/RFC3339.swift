// Civil dates by the algorithm of Howard Hinnant's "chrono-compatible low-level date algorithms":
// years start in March, eras are 400 years.

extension Timestamp: CustomStringConvertible {
  /// RFC 3339 in UTC with milliseconds: `2026-11-22T19:40:42.117Z`.
  package var description: String { rfc3339 }

  package var rfc3339: String {
    let c = civil
    return
      "\(padded(c.year, 4))-\(padded(c.month, 2))-\(padded(c.day, 2))T\(clock).\(padded(c.millisecond, 3))Z"
  }

  /// `19:40:42`, UTC.
  package var clock: String {
    let c = civil
    return "\(padded(c.hour, 2)):\(padded(c.minute, 2)):\(padded(c.second, 2))"
  }

  /// The moment of an RFC 3339 text with any offset. Nil when it is none, or finer than leap-free UTC.
  package init?(rfc3339 text: String) {
    var scan = Scanner(text)
    guard
      let year = scan.number(4), scan.take("-"), let month = scan.number(2), scan.take("-"),
      let day = scan.number(2), scan.take("T"), let hour = scan.number(2), scan.take(":"),
      let minute = scan.number(2), scan.take(":"), let second = scan.number(2),
      let fraction = scan.fraction(), let offset = scan.offset(), scan.isAtEnd,
      (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day), hour < 24,
      minute < 60, second < 60
    else { return nil }
    let days = Self.daysSinceEpoch(year: year, month: month, day: day)
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset * 60
    self.init(milliseconds: Int64(seconds) * 1000 + Int64(fraction))
  }

  private struct Civil {
    var year, month, day, hour, minute, second, millisecond: Int
  }

  private var civil: Civil {
    let ms = Int(milliseconds)
    let dayCount = ms.floorDivided(by: 86_400_000)
    let inDay = ms - dayCount * 86_400_000
    let z = dayCount + 719_468
    let era = z.floorDivided(by: 146_097)
    let doe = z - era * 146_097
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
    let mp = (5 * doy + 2) / 153
    let month = mp < 10 ? mp + 3 : mp - 9
    return Civil(
      year: yoe + era * 400 + (month <= 2 ? 1 : 0), month: month, day: doy - (153 * mp + 2) / 5 + 1,
      hour: inDay / 3_600_000, minute: inDay / 60_000 % 60, second: inDay / 1000 % 60,
      millisecond: inDay % 1000)
  }

  private static func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
    let y = month <= 2 ? year - 1 : year
    let era = y.floorDivided(by: 400)
    let yoe = y - era * 400
    let doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
  }

  private static func days(in month: Int, of year: Int) -> Int {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return month == 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }
}

private struct Scanner {
  private var rest: Substring.UTF8View

  init(_ text: String) { rest = text[...].utf8 }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard let first = rest.first, UInt32(first) == character.value else { return false }
    rest.removeFirst()
    return true
  }

  mutating func number(_ digits: Int) -> Int? {
    guard rest.count >= digits else { return nil }
    var value = 0
    for byte in rest.prefix(digits) {
      guard (48...57).contains(byte) else { return nil }
      value = value * 10 + Int(byte - 48)
    }
    rest.removeFirst(digits)
    return value
  }

  /// Milliseconds of an optional fraction; digits past the third are cut.
  mutating func fraction() -> Int? {
    guard take(".") else { return 0 }
    let digits = rest.prefix { (48...57).contains($0) }
    guard !digits.isEmpty, digits.count <= 9 else { return nil }
    rest.removeFirst(digits.count)
    let three = (Array(digits) + [48, 48, 48]).prefix(3)
    return three.reduce(0) { $0 * 10 + Int($1 - 48) }
  }

  /// Minutes east of UTC.
  mutating func offset() -> Int? {
    if take("Z") { return 0 }
    let sign = take("+") ? 1 : take("-") ? -1 : 0
    guard sign != 0, let hours = number(2), take(":"), let minutes = number(2), hours < 24,
      minutes < 60
    else { return nil }
    return sign * (hours * 60 + minutes)
  }
}

private func padded(_ value: Int, _ width: Int) -> String {
  let digits = String(value)
  return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

extension Int {
  fileprivate func floorDivided(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}

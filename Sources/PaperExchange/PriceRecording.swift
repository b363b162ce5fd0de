import Decimals
package import Exchange
import JSON
package import Time

/// Recorded prices of one or more markets, played again in the order of their times.
///
/// The file is CSV without quotes. The first line names the columns:
///
///     time,category,symbol,middle,mark,index
///
/// `time` counts milliseconds and never falls; where the first one stands is the start. `mark` and
/// `index` may be empty or left out of the header and are the middle then. Lines end in LF or CRLF.
package struct PriceRecording: Sendable {
  package struct Step: Hashable, Sendable {
    /// Since the first line.
    package let after: Milliseconds
    package let point: PricePoint
  }

  /// Never empty.
  package let steps: [Step]

  package enum Limits {
    package static let bytes = 64 << 20
    package static let lines = 1_000_000
    package static let lineBytes = 200
  }

  /// The markets that move.
  package var markets: Set<MarketID> { Set(steps.map(\.point.market)) }

  /// Throws `PaperError.Code.recording` with the name and the line of what is wrong.
  package init(_ bytes: some Collection<UInt8>, name: String) throws(PaperError) {
    func bad(_ line: Int, _ what: String) -> PaperError {
      PaperError(
        .recording, "\(name):\(line.description): \(what)",
        fix: "write lines as time,category,symbol,middle,mark,index")
    }
    guard bytes.count <= Limits.bytes else {
      throw bad(1, "the file has more than \((Limits.bytes >> 20).description) MiB")
    }
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard let head = lines.popFirst() else { throw bad(1, "the file is empty") }
    guard lines.count <= Limits.lines else {
      throw bad(1, "the file has more than \(Limits.lines.description) lines")
    }
    let columns = Self.columns
    let named = Self.fields(head)
    guard named.count >= 4, named == Array(columns.prefix(named.count)) else {
      throw bad(1, "the header is not \(columns.joined(separator: ","))")
    }
    var steps: [Step] = []
    var first: Int64?
    for (number, line) in zip(2..., lines) {
      let row = try Self.row(line, columns: named.count) { bad(number, $0) }
      let start = first ?? row.time
      first = start
      let after = Milliseconds(row.time - start)
      guard after >= steps.last?.after ?? .zero else {
        throw bad(number, "the time is before that of the line above")
      }
      steps.append(Step(after: after, point: row.point))
    }
    guard !steps.isEmpty else { throw bad(2, "no prices follow the header") }
    self.steps = steps
  }

  private static let columns = ["time", "category", "symbol", "middle", "mark", "index"]

  private static func fields(_ line: some Collection<UInt8>) -> [String] {
    var line = Array(line)
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    return line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  private static func row(
    _ line: some Collection<UInt8>, columns: Int, _ bad: (String) -> PaperError
  ) throws(PaperError) -> (time: Int64, point: PricePoint) {
    guard line.count <= Limits.lineBytes else { throw bad("the line is too long") }
    let fields = fields(line)
    guard fields.count == columns else {
      throw bad("\(fields.count.description) fields, the header has \(columns.description)")
    }
    guard let time = Int64(fields[0]), time >= 0, !fields[0].hasPrefix("+") else {
      throw bad("time \"\(fields[0])\" is no count of milliseconds")
    }
    guard let category = Category(rawValue: fields[1]) else {
      throw bad("category \"\(fields[1])\" is none of linear, inverse, spot, option")
    }
    guard !fields[2].isEmpty else { throw bad("the symbol is missing") }
    func price(_ place: Int) throws(PaperError) -> ExactDecimal? {
      guard place < fields.count, !fields[place].isEmpty else { return nil }
      guard let price = ExactDecimal(fields[place]), price.isPositive else {
        throw bad("\(Self.columns[place]) \"\(fields[place])\" is no price")
      }
      return price
    }
    guard let middle = try price(3) else { throw bad("the middle is missing") }
    return (
      time,
      PricePoint(
        MarketID(category, Text(fields[2])), middle: middle, mark: try price(4),
        index: try price(5))
    )
  }
}

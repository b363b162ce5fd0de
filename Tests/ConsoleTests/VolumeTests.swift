import Decimals
import Foundation
import JSON
import OperatorProtocol
import Terminal
import TestSupport
import Testing
import Time

@testable import Console

/// A long day: what the model keeps is bounded, and nothing moves the selection.
///
/// `CONSOLE_VOLUME=full` runs 50,000 batches and 5,000,000 order updates (minutes in a debug build).
@Suite struct VolumeTests {
  static let isFull = ProcessInfo.processInfo.environment["CONSOLE_VOLUME"] == "full"
  static let batches = isFull ? 50_000 : 300
  static let updates = isFull ? 5_000_000 : 6_000

  @Test func `a long day leaves the model as small as the morning did`() throws {
    var desk = Desk([.unchecked], width: 120, height: 40)
    let pinned = Sample.unchecked.id
    var early = 0
    for number in 0..<Self.batches {
      let row = Self.row(number)
      desk.deliverQuietly(.feed(.batch(row)))
      if number >= 20 {
        var over = Self.row(number - 20)
        over.state = .rejected
        desk.deliverQuietly(.feed(.batch(over)))
      }
      if number % 500 == 0 { desk.wait(6_000) }
      #expect(desk.model.queue.selected == pinned)
      if number == Self.batches / 2 { early = Self.residentBytes }
    }
    for number in 0..<Self.updates {
      desk.deliverQuietly(.feed(.order(Self.leg(number))))
      if number % 10 == 0 { desk.deliverQuietly(.feed(.fill(Self.fill(number)))) }
      if number % 3_000 == 0 { desk.paint() }
    }
    let model = desk.model
    #expect(model.queue.selected == pinned)
    #expect(model.queue.rows.count <= BatchQueue.limit + 1)
    #expect(model.book.legs.count <= OrderBook.legLimit)
    #expect(model.book.fills.count <= OrderBook.fillLimit)
    #expect(model.seen.count <= 64)
    #expect(model.contents.count <= ConsoleModel.contentLimit + ConsoleModel.markLimit)
    #expect(model.inFlight.isEmpty)
    #expect(model.requestedOlder.count <= ConsoleModel.olderLimit)
    // What the process has grown by since the middle of the day; other tests run beside this one.
    if Self.isFull { #expect(Self.residentBytes - early < 64 << 20) }
  }

  private static func row(_ number: Int) -> BatchSummary {
    var row = Sample.calm.summary
    row.id = BatchID(
      at: noon + Milliseconds(Int64(number)),
      random: (0..<10).map { UInt8(truncatingIfNeeded: number >> ($0 % 4 * 8)) })
    row.severity = number % 7 == 0 ? .high : .note
    row.supersedes = number % 5 == 0 ? Sample.calm.id : nil
    return row
  }

  private static func leg(_ number: Int) -> LegView {
    var leg = Live.leg(at: noon + Milliseconds(Int64(number)), number % 5_000)
    leg.status = number % 3 == 0 ? .filled : .working
    return leg
  }

  private static func fill(_ number: Int) -> FillView {
    var fill = Live.fill(1, "0.01", "64000")
    fill.execID = Text("e-\(number)")
    fill.time = noon + Milliseconds(Int64(number))
    return fill
  }

  private static var residentBytes: Int {
    let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
      .split(separator: " ")
    return (pages.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * 4_096
  }
}

extension Desk {
  /// An event without a picture after it.
  mutating func deliverQuietly(_ event: ConsoleEvent) { _ = model.handle(event, at: now) }
}

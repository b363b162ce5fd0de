import Decimals
import JSON
import Testing
import Time

@testable import Exchange

/// Random days at the exchange; whatever happens, these things hold after every event.
@Suite("Invariants over random days")
struct InvariantTests {
  static let seeds: [UInt64] = [1, 2, 3, 5, 8, 13, 21, 34]
  static let events = 220

  @Test("money, books, fills, margin", arguments: seeds)
  func day(_ seed: UInt64) throws {
    var venue = RandomDay.venue(seed)
    var day = RandomDay(chance: SplitMix64(seed: seed &* 31))
    var clock = Listing.usualStart
    var watch = Watch()
    let money = try allMoney(venue)
    for number in 0..<Self.events {
      clock = clock + (day.chance.oneIn(40) ? .minutes(200) : .seconds(1))
      let event = day.event(venue)
      let queues = Watch.queues(venue)
      let effects = venue.handle(event, at: clock)
      let place = Comment(rawValue: "seed \(seed), event \(number)")
      let total = try allMoney(venue)
      for (coin, amount) in total { #expect(amount == money[coin] ?? 0, place) }
      try watch.look(venue, effects, place)
      Watch.expectPriority(before: queues, venue, event, place)
    }
    #expect(watch.trades > 20)
    #expect(watch.kinds.count >= 7)
  }

  @Test("equal seeds and events give equal effects", arguments: seeds.prefix(2))
  func determinism(_ seed: UInt64) {
    func transcript() -> [String] {
      var venue = RandomDay.venue(seed)
      var day = RandomDay(chance: SplitMix64(seed: seed))
      return (0..<80).flatMap { number in
        venue.handle(day.event(venue), at: Listing.usualStart + .seconds(number)).map { "\($0)" }
      }
    }
    #expect(transcript() == transcript())
  }

  @Test("different seeds give different ids and books")
  func seedsMatter() throws {
    var one = Desk(seed: 1)
    var two = Desk(seed: 2)
    #expect(try one.place(market(.buy, 1)).id != two.place(market(.buy, 1)).id)
    #expect(
      one.venue.book("BTCUSDT", depth: 50)?.bids != two.venue.book("BTCUSDT", depth: 50)?.bids)
  }
}

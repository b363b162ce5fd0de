import JSON
import OperatorProtocol
import Terminal
import Testing

@testable import Console

/// Exits that the exchange made stand under the leg that asked for them.
struct ExitOrderTests {
  private static func exit(of batch: Sample) -> LegView {
    var exit = Live.leg(nil, 0, "BTCUSDT", "Sell", "0.120", "0", .working)
    exit.orderID = "x-1"
    exit.origin = LegOrigin(batch: batch.id, leg: 1, kind: "TakeProfit")
    return exit
  }

  private static let leg = Live.leg(
    .high, 1, "BTCUSDT", "Buy", "0.250", "0.120", .partFilled, price: "64120.0")

  @Test(arguments: [(80, 24), (120, 40), (200, 60)])
  func `the page of orders shows an exit with its batch`(_ size: (Int, Int)) throws {
    var desk = Desk([.high], width: size.0, height: size.1)
    desk.add(orders: [Self.leg, Self.exit(of: .high)], fills: [])
    desk.press("3")
    let text = desk.text
    #expect(text.contains("TakeProfit of #1 SELL BTCUSDT"))
    #expect(!text.contains("made elsewhere"))
  }

  @Test func `an exit of a batch that is forgotten is named all the same`() {
    var desk = Desk([.high], width: 120, height: 40)
    desk.add(orders: [Self.exit(of: .high)], fills: [])
    desk.press("3")
    #expect(desk.text.contains("made elsewhere: 1"))
    #expect(desk.text.contains("TakeProfit of #1 SELL BTCUSDT"))
  }
}

import JSON
import OperatorProtocol
import Terminal
import Testing

@testable import Console

/// Of an outcome that nobody knows the screen says what is asked, since when and what came of it.
struct UnknownOutcomeTests {
  private static let inquiry = InquiryView(
    since: seconds(-75), step: .waiting, question: "is there an order mma-1042-1?", attempts: 2,
    lastAnswer: "the exchange cannot be reached", nextAt: seconds(15), legs: [1])

  private static func desk(_ width: Int, _ height: Int) -> Desk {
    var desk = Desk([.high], width: width, height: height)
    var row = Sample.high.summary
    row.state = .unknown
    row.outcome = "outcome unknown: the child died"
    row.inquiry = inquiry
    desk.send(.feed(.batch(row)))
    desk.add(
      orders: [Live.leg(.high, 1, "BTCUSDT", "Buy", "0.250", "0", .unknown, price: "64120.0")],
      fills: [])
    return desk
  }

  /// The screen as running words, so that it does not matter where a row ends.
  private static func words(_ desk: Desk) -> String {
    desk.text.split { $0.isWhitespace }.joined(separator: " ")
  }

  @Test(arguments: [(80, 24), (120, 40), (200, 60)])
  func `the batch and the page of orders say what is asked`(_ size: (Int, Int)) {
    var desk = Self.desk(size.0, size.1)
    desk.press("2")
    let said =
      "waiting since 11:58:45Z, 2 answered, next at 12:00:15Z: is there an order mma-1042-1?; "
      + "last answer: the exchange cannot be reached"
    #expect(Self.words(desk).contains(said))
    desk.press("3")
    let page = Self.words(desk)
    #expect(page.contains("waiting since 11:58:45Z, 2 answered, next at 12:00:15Z"))
    #expect(page.contains("UNKNOWN"))
  }

  @Test func `a step that only begins says no more than it knows`() {
    let fresh = InquiryView(
      since: noon, step: .ending, question: "ending every process", attempts: 0, lastAnswer: "",
      nextAt: nil, legs: [1])
    #expect(fresh.words == "ending since 12:00:00Z: ending every process")
  }
}

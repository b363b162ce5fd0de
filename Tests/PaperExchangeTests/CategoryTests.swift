import Decimals
import Exchange
import JSON
import Testing

@testable import PaperExchange

@Suite("Every category by request")
struct CategoryTests {
  @Test(
    "an order of each category is placed and reaches the private stream",
    arguments: [
      ("spot", "BTCUSDT", "100", ""), ("inverse", "BTCUSD", "100", ""),
      ("linear", "BTCUSDT", "0.01", ""),
      ("option", "BTC-26FEB27-65000-C-USDT", "0.1", #","orderLinkId":"mine""#),
    ])
  func placed(_ category: String, _ symbol: String, _ quantity: String, _ more: String) throws {
    var client = Client()
    let stream = try client.open(.privateStream, as: Client.reader)
    _ = client.send(#"{"op":"subscribe","args":["order"]}"#, on: stream)
    let answer = client.post(
      "/v5/order/create",
      #"{"category":"\#(category)","symbol":"\#(symbol)","side":"Buy","orderType":"Market","qty":"\#(quantity)"\#(more)}"#
    )
    #expect(answer["retCode"] == 0)
    let rows = client.events(on: stream).flatMap { $0["data"]?.arrayValue ?? [] }
    #expect(rows.last?["orderStatus"] == "Filled")
    #expect(rows.last?["category"]?.stringValue == category)
  }
}

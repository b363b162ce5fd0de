import Decimals
import Exchange
import JSON
import Testing
import Time

@testable import PaperExchange

@Suite("Recorded prices")
struct PriceRecordingTests {
  static func read(_ text: String) throws -> PriceRecording {
    try PriceRecording(Array(text.utf8), name: "prices.csv")
  }

  @Test("lines become prices after the first one")
  func reads() throws {
    let recording = try Self.read(
      "time,category,symbol,middle,mark,index\r\n"
        + "1700000000000,linear,BTCUSDT,65000.0,65001.0,\r\n"
        + "1700000000500,spot,BTCUSDT,64999.9,,64998.0\r\n")
    #expect(recording.steps.map(\.after.count) == [0, 500])
    #expect(recording.steps[0].point.mark == 65001)
    #expect(recording.steps[0].point.index == nil)
    #expect(recording.steps[1].point.market == MarketID(.spot, "BTCUSDT"))
    #expect(try Self.read("time,category,symbol,middle\n1,linear,X,2").steps.count == 1)
  }

  @Test(
    "what is wrong is said with its line",
    arguments: [
      ("", 1), ("time,symbol\n", 1), ("time,category,symbol,middle\n", 2),
      ("time,category,symbol,middle\n1,linear,BTCUSDT\n", 2),
      ("time,category,symbol,middle\n1,linear,BTCUSDT,1\n\n", 3),
      ("time,category,symbol,middle\n1,linear,BTCUSDT,1\n0,linear,BTCUSDT,1\n", 3),
      ("time,category,symbol,middle\n1,future,BTCUSDT,1\n", 2),
      ("time,category,symbol,middle\n1,linear,,1\n", 2),
      ("time,category,symbol,middle\n1,linear,BTCUSDT,1e5\n", 2),
      ("time,category,symbol,middle\n1,linear,BTCUSDT,-1\n", 2),
      ("time,category,symbol,middle\n+1,linear,BTCUSDT,1\n", 2),
      ("time,category,symbol,middle,mark,index\n1,linear,BTCUSDT,1,x,\n", 2),
    ])
  func refuses(_ text: String, _ line: Int) {
    let error = #expect(throws: PaperError.self) { try Self.read(text) }
    #expect(error?.code == .recording)
    #expect(error?.message.hasPrefix("prices.csv:\(line): ") == true)
  }

  @Test("the core plays them as time passes; the market does nothing of its own")
  func plays() throws {
    let recording = try Self.read(
      """
      time,category,symbol,middle
      5000,linear,BTCUSDT,65100.0
      5200,linear,BTCUSDT,65200.0
      9000,linear,BTCUSDT,64000.0
      """)
    var client = Client { $0.recording = recording }
    func mark() -> String {
      client.get("/v5/market/tickers", "category=linear&symbol=BTCUSDT").list.first?["markPrice"]?
        .stringValue ?? ""
    }
    var seen: [String] = []
    for _ in 0..<5 {
      client.core.tick(at: client.now)
      seen.append(mark())
      client.pass(100)
    }
    #expect(seen == ["65100.00", "65100.00", "65200.00", "65200.00", "65200.00"])
  }
}

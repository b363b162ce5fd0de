import Decimals
import JSON
import OperatorProtocol
import Orders
import Terminal
import Testing
import Time

@testable import Console

/// What stands on the screen is what would be sent, digit for digit.
@Suite struct TruthTests {
  struct Row: Equatable {
    var side: String
    var quantity: String
    var symbol: String
    var price: String
  }

  @Test(arguments: 0..<24) func `the legs read back from the picture are the request's`(
    seed: UInt64
  ) throws {
    var random = Mixer(state: seed)
    let (sample, wanted) = Self.sample(&random)
    var desk = Desk([sample], width: 120 + Int(seed % 3) * 40, height: 60)
    desk.press("2")
    let rows = Self.rows(desk.picture)
    #expect(rows == wanted)
    let gross = try wanted.reduce(ExactDecimal.zero) { sum, row in
      try sum + ExactDecimal(row.quantity)! * ExactDecimal(row.price)!
    }
    #expect(Self.number(after: "gross", in: desk.text) == gross)
  }

  /// A random batch of limit orders, and its legs as texts.
  static func sample(_ random: inout Mixer) -> (Sample, [Row]) {
    func decimal(_ whole: UInt64, _ places: Int) -> String {
      let head = String(random.next() % whole + 1)
      guard places > 0 else { return head }
      return head + "." + (0..<places).map { _ in String(random.next() % 10) }.joined()
    }
    var rows: [Row] = []
    var legs: [String] = []
    for index in 0..<Int(random.next() % 8 + 1) {
      let row = Row(
        side: random.next() % 2 == 0 ? "Buy" : "Sell",
        quantity: decimal(1_000_000, Int(random.next() % 9)),
        symbol: ["BTCUSDT", "ETHUSDT", "1000PEPEUSDT"][Int(random.next() % 3)],
        price: decimal(100_000, Int(random.next() % 7)))
      rows.append(row)
      legs.append(
        """
        {"symbol":"\(row.symbol)","side":"\(row.side)","orderType":"Limit","qty":"\(row.quantity)",
        "price":"\(row.price)","timeInForce":"GTC","orderLinkId":"x-\(index)"}
        """)
    }
    var sample = Sample.calm
    sample.arguments = #"{"category":"linear","request":[\#(legs.joined(separator: ","))]}"#
    return (sample, rows)
  }

  /// Reads the table: number, side, quantity, coin, symbol, type, price.
  static func rows(_ picture: [String]) -> [Row] {
    picture.compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 7, Int(words[0]) != nil, ["BUY", "SELL"].contains(words[1]),
        words[5] == "Limit"
      else { return nil }
      return Row(
        side: words[1] == "BUY" ? "Buy" : "Sell", quantity: words[2], symbol: words[4],
        price: words[6])
    }
  }

  /// The number whose digits stand in groups of three after `word`.
  static func number(after word: String, in text: String) -> ExactDecimal? {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    guard let at = words.firstIndex(of: word) else { return nil }
    let digits = words.dropFirst(at + 1).prefix { $0.allSatisfy { $0.isNumber || $0 == "." } }
    return ExactDecimal(digits.joined())
  }

  /// One leg of each category, as its bytes say it.
  static let categories: [(category: String, leg: String, unit: String, gross: String)] = [
    (
      "linear", #"{"symbol":"BTCUSDT","side":"Buy","qty":"0.250","price":"64120.5"}"#, "BTC",
      "16 030.125 USDT"
    ),
    (
      "inverse", #"{"symbol":"BTCUSD","side":"Sell","qty":"12000","price":"64500"}"#, "USD",
      "12 000 USD"
    ),
    (
      "spot", #"{"symbol":"ETHUSDC","side":"Buy","qty":"1.25","price":"3200.10"}"#, "ETH",
      "4 000.125 USDC"
    ),
    (
      "option",
      #"{"symbol":"BTC-25DEC26-70000-C","side":"Sell","qty":"0.3","price":"1250.5"}"#, "BTC",
      "375.15 USDC"
    ),
  ]

  @Test(arguments: categories.indices, [(80, 24), (120, 40), (200, 60)])
  func `every category reads back digit for digit at every size`(
    index: Int, size: (Int, Int)
  ) throws {
    let (category, leg, unit, gross) = Self.categories[index]
    let wanted = try #require(JSONParser.parse(leg).objectValue)
    var sample = Sample.calm
    var whole = wanted
    whole["orderType"] = "Limit"
    sample.arguments =
      #"{"category":"\#(category)","request":[\#(JSONWriter.canonicalText(of: .object(whole)))]}"#
    var desk = Desk([sample], width: size.0, height: size.1)
    desk.press("2")
    let words = desk.text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    for key in ["symbol", "qty", "price"] as [Text] {
      let value = try #require(wanted[key]?.stringValue)
      #expect(words.contains(value), "\(key) \(value) of \(category) at \(size)")
    }
    #expect(words.contains(unit))
    #expect(words.contains(wanted["side"] == "Buy" ? "BUY" : "SELL"))
    #expect(
      desk.text.contains("gross \(gross.split(separator: " ").dropLast().joined(separator: " "))"))
    #expect(desk.text.contains("category \(category)") || desk.text.contains("(\(category))"))
  }

  @Test(arguments: [HoldState.acknowledged, .rejected, .dispatching])
  func `what is over is not counted a second time`(state: HoldState) {
    var desk = Desk([.high], width: 200, height: 60)
    desk.look(at: .high)
    desk.watch()
    #expect(desk.text.contains("holds +0.5 now, +1 after"))
    desk.press("5")
    #expect(desk.picture.contains { $0.contains("exposure with batch") })
    var row = Sample.high.summary
    row.state = state
    desk.send(.feed(.batch(row)))
    #expect(!desk.text.contains("with batch"))
    let bitcoin = desk.picture.first { $0.contains(" BTCUSDT ") }?.split(separator: " ") ?? []
    #expect(bitcoin.prefix(4) == ["BTCUSDT", "+0.5", "-", "+0.5"], "\(desk.text)")
    desk.press("1")
    #expect(!desk.text.contains("if all of it fills"))
    #expect(!desk.picture.last!.contains("reject"))
  }

  @Test func `a planted truncation is found`() {
    var random = Mixer(state: 5)
    let (sample, wanted) = Self.sample(&random)
    var desk = Desk([sample], width: 200, height: 60)
    desk.press("2")
    for row in wanted {
      for lie in [String(row.quantity.dropLast()), String(row.price.dropLast())] where !lie.isEmpty
      {
        let digits = lie == String(row.quantity.dropLast()) ? row.quantity : row.price
        let wrong = desk.picture.map { $0.replacing(" \(digits) ", with: " \(lie)  ") }
        #expect(Self.rows(wrong) != wanted)
      }
    }
  }

  @Test func `a market leg has no price, and the sums say so`() {
    var desk = Desk([.high], width: 200, height: 60)
    desk.look(at: .high)
    #expect(desk.text.contains("at market"))
    #expect(desk.text.contains("gross ~48 161.5 USDT"))
    #expect(desk.text.contains("not in these sums: #2"))
  }

  @Test func `the statement decides, not the list`() {
    var desk = Desk([.calm], width: 200, height: 60)
    var row = Sample.calm.summary
    row.symbols = ["DOGEUSDT"]
    row.grossNotional = Sample.dollars("1")
    desk.send(.feed(.batch(row)))
    #expect(desk.text.contains("gross 9 688.5 USDT"))
  }

  @Test func `an order call that cannot be read shows every argument`() {
    var odd = Sample.calm
    odd.arguments = #"{"category":"linear","request":[],"surprise":{"b":1,"a":[true,null]}}"#
    var desk = Desk([odd], width: 120, height: 40)
    desk.wait(1_000)
    #expect(desk.text.contains(#""surprise": {"a":[true,null],"b":1}"#))
    #expect(desk.text.contains("HIGH"))
    desk.press("a")
    #expect(!desk.isArmed || desk.model.severity(of: odd.summary) == .high)
  }

  @Test func `hostile text stays in its cells`() {
    let desk = Desk([.hostile], width: 120, height: 40)
    for line in desk.picture {
      #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F })
    }
    #expect(desk.text.contains("^["))
    #expect(desk.text.contains("<U+202E>"))
  }
}

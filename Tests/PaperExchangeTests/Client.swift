import Cryptography
import Decimals
import Exchange
import JSON
import Testing
import Time

@testable import PaperExchange

/// A client of the core on a clock that only moves when told to.
struct Client {
  static let trader = PaperKey(key: "trader", secret: "trade-secret", canTrade: true)
  static let reader = PaperKey(key: "reader", secret: "read-secret", canTrade: false)

  var core: PaperCore
  var now = Timestamp(milliseconds: 1_800_000_000_000)
  private var sockets = 100

  init(_ change: (inout PaperConfiguration) -> Void = { _ in }) {
    var configuration = PaperConfiguration(seed: 3, keys: [Self.trader, Self.reader])
    change(&configuration)
    core = PaperCore(configuration)
  }

  mutating func pass(_ milliseconds: Int64) { now = now + .milliseconds(milliseconds) }

  // MARK: REST

  mutating func get(_ path: String, _ query: String = "", key: PaperKey? = nil) -> JSONValue {
    let (_, json) = ask("GET", path, query: query, body: "", key: key)
    return json
  }

  mutating func post(_ path: String, _ body: String, key: PaperKey? = trader) -> JSONValue {
    let (_, json) = ask("POST", path, query: "", body: body, key: key)
    return json
  }

  mutating func ask(
    _ method: String, _ path: String, query: String, body: String, key: PaperKey?,
    skew: Int64 = 0, window: String = "5000", signing: String? = nil
  ) -> (RestAnswer, JSONValue) {
    var headers: [(String, String)] = []
    if let key {
      let time = (now + .milliseconds(skew)).text
      let payload = signing ?? (method == "GET" ? query : body)
      let code = HMACSHA256.code(
        key: Array(key.secret.utf8), message: Array("\(time)\(key.key)\(window)\(payload)".utf8))
      headers = [
        ("X-BAPI-API-KEY", key.key.string), ("X-BAPI-TIMESTAMP", time),
        ("X-BAPI-RECV-WINDOW", window), ("X-BAPI-SIGN", code.hex),
      ]
    }
    let answer = core.answer(
      RestRequest(
        connection: ConnectionID(number: 1), method: method,
        uri: query.isEmpty ? path : "\(path)?\(query)", headers: headers, body: Array(body.utf8)),
      at: now)
    let json = try? JSONParser.parse(answer.body, limits: .peer)
    return (answer, json ?? .null)
  }

  /// Moves a linear market.
  mutating func quote(_ symbol: Text, _ middle: ExactDecimal) throws {
    try core.move(to: PricePoint(MarketID(.linear, symbol), middle: middle), at: now)
  }

  // MARK: Any category

  /// A market of the category that has a book.
  func symbol(_ category: Category) -> String {
    let all = core.venue.instruments.filter { $0.category == category }
    return all.first { core.venue.book($0.symbol, category, depth: 1)?.bids.isEmpty == false }?
      .symbol.string ?? ""
  }

  /// A quantity that every check of the category lets pass.
  func size(_ category: Category) -> String {
    switch category {
    case .linear: "0.01"
    case .inverse: "100"
    case .spot: "0.001"
    case .option: "0.1"
    }
  }

  /// A buy order far enough below the market to rest.
  func restingBody(_ category: Category, _ link: String) -> String {
    let symbol = symbol(category)
    let instrument = core.venue.instrument(Text(symbol), category)
    let bid = core.venue.book(Text(symbol), category, depth: 1)?.bids.first?.price ?? .one
    let part: ExactDecimal = category == .option ? "0.5" : "0.995"
    let ticks = (try? instrument?.ticksBelow(bid * part)) ?? 1
    let price = instrument?.price(max(1, ticks)).description ?? ""
    return #"{"category":"\#(category.rawValue)","symbol":"\#(symbol)","side":"Buy","#
      + #""orderType":"Limit","price":"\#(price)","qty":"\#(size(category))","#
      + #""orderLinkId":"\#(link)"}"#
  }

  mutating func place(_ category: Category, _ link: String) -> JSONValue {
    let answer = post("/v5/order/create", restingBody(category, link))
    #expect(answer["retCode"] == 0)
    return answer
  }

  /// A market order that fills whole.
  mutating func trade(_ category: Category, link: String) {
    let unit = category == .spot ? #","marketUnit":"baseCoin""# : ""
    let answer = post(
      "/v5/order/create",
      #"{"category":"\#(category.rawValue)","symbol":"\#(symbol(category))","side":"Buy","#
        + #""orderType":"Market","qty":"\#(size(category))","orderLinkId":"\#(link)"\#(unit)}"#)
    #expect(answer["retCode"] == 0)
  }

  // MARK: WebSockets

  mutating func open(_ kind: SocketKind) -> ConnectionID {
    sockets += 1
    let id = ConnectionID(number: sockets)
    core.open(id, kind, at: now)
    return id
  }

  /// An authenticated trade or private socket.
  mutating func open(_ kind: SocketKind, as key: PaperKey) throws -> ConnectionID {
    let id = open(kind)
    let reply = send(auth(key), on: id)
    #expect(reply?["retCode"] == 0 || reply?["success"] == true)
    return id
  }

  func auth(_ key: PaperKey) -> String {
    let expires = (now + .seconds(5)).text
    let code = HMACSHA256.code(
      key: Array(key.secret.utf8), message: Array("GET/realtime\(expires)".utf8))
    return #"{"op":"auth","args":["\#(key.key)",\#(expires),"\#(code.hex)"]}"#
  }

  /// Sends a frame and returns the first message that comes back on the same socket.
  mutating func send(_ text: String, on id: ConnectionID) -> JSONValue? {
    _ = core.takeOutputs()
    core.message(Array(text.utf8), from: id, at: now)
    return messages(on: id).first
  }

  /// An order operation with a fresh header.
  mutating func trade(
    _ operation: String, _ args: String, on id: ConnectionID, request: String? = nil
  ) -> JSONValue? {
    let name = request.map { #""reqId":"\#($0)","# } ?? ""
    let header = #""header":{"X-BAPI-TIMESTAMP":"\#(now.text)"}"#
    return send(#"{\#(name)\#(header),"op":"\#(operation)","args":[\#(args)]}"#, on: id)
  }

  /// Arms a fault by the control interface.
  mutating func arm(_ fault: String) {
    let (answer, _) = ask("POST", "/paper/fault", query: "kind=\(fault)", body: "", key: nil)
    #expect(answer.status == 200)
  }

  /// A private stream with these topics.
  mutating func subscribed(to topics: [String]) throws -> ConnectionID {
    let id = try open(.privateStream, as: Self.trader)
    let list = topics.map { "\"\($0)\"" }.joined(separator: ",")
    #expect(send(#"{"op":"subscribe","args":[\#(list)]}"#, on: id)?["success"] == true)
    return id
  }

  /// Every message that was sent since the last look.
  mutating func sent() -> [(ConnectionID, JSONValue)] {
    core.takeOutputs().compactMap { output in
      guard case .send(let id, let text) = output, let json = try? JSONParser.parse(text)
      else { return nil }
      return (id, json)
    }
  }

  /// REST answers that came later.
  mutating func answers() -> [RestAnswer] {
    core.takeOutputs().compactMap { output in
      if case .answer(_, let answer) = output { answer } else { nil }
    }
  }

  /// What was sent to this socket since the last look.
  mutating func messages(on id: ConnectionID) -> [JSONValue] {
    core.takeOutputs().compactMap { output in
      guard case .send(id, let text) = output else { return nil }
      return try? JSONParser.parse(text)
    }
  }

  /// Lets the waiting events come and returns those of this socket.
  mutating func events(on id: ConnectionID) -> [JSONValue] {
    _ = core.takeOutputs()
    pass(core.configuration.eventDelay.count)
    core.flush(at: now)
    return messages(on: id)
  }
}

func order(
  _ side: String = "Buy", _ quantity: String = "0.01", price: String? = nil, link: String = "",
  symbol: String = "BTCUSDT", category: Bool = true, more: String = ""
) -> String {
  let head = category ? #""category":"linear","# : ""
  let kind = price.map { #""orderType":"Limit","price":"\#($0)""# } ?? #""orderType":"Market""#
  return #"{\#(head)"symbol":"\#(symbol)","side":"\#(side)",\#(kind),"qty":"\#(quantity)","#
    + #""orderLinkId":"\#(link)"\#(more)}"#
}

func batch(_ legs: [String]) -> String {
  #"{"category":"linear","request":[\#(legs.joined(separator: ","))]}"#
}

extension JSONValue {
  subscript(_ index: Int) -> JSONValue? {
    arrayValue.flatMap { index < $0.count ? $0[index] : nil }
  }
  var list: [JSONValue] { self["result"]?["list"]?.arrayValue ?? [] }
  var codes: [Int] {
    (self["retExtInfo"]?["list"]?.arrayValue ?? []).compactMap { $0["code"]?.intValue }
  }
}

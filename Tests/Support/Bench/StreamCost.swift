import Approvals
import Bybit
import Console
import Cryptography
import Foundation
import JSON
import MCP
import Networking
import OperatorProtocol
import Policy
import Terminal
import Time
import V5Stub

/// Order updates from a WebSocket through stream, kernel and operator protocol into the console's
/// model, at a rate that the exchange could send.
///
/// The orders live one after the other: each is new, filled in parts, and ends, so that the kernel
/// learns of orders and forgets them. The sender is a process of its own, that sends on time whatever
/// becomes of it, so that all that piles up on this side counts. What was sent is counted against what
/// the model was told.
enum StreamCost {
  private static let rowsPerFrame = 10
  /// Updates that one order lives for.
  private static let life = 50
  /// Seconds after which the memory is compared with that at the end.
  private static let early = 10
  static func report(seconds: Int, rate: Int) async throws {
    let total = seconds * rate
    let sender = try Sender(total, rate)
    defer { sender.stop() }
    let stream = V5PrivateStream(
      .init(
        socket: .init(
          base: try WebURL("ws://127.0.0.1:\(sender.port)"),
          credentials: V5Credentials(key: "k", secret: "s"))),
      environment: .init(
        now: { now() }, sleep: { try await Task.sleep(for: $0) }, random: { .random(in: 0...9) }))
    let run = Task { await stream.run() }
    defer { run.cancel() }
    var events = stream.makeAsyncIterator()
    while let event = await events.next() { if case .gap = event { break } }
    var sink = try Sink(early: min(total, early * rate))
    let start = ContinuousClock.now
    while let event = await events.next() {
      guard case .frame(let frame) = event else {
        throw Failure("the stream was lost: \(event)")
      }
      if frame.rows.first?["orderId"]?.textValue == end { break }
      try sink.take(frame)
    }
    let elapsed = ContinuousClock.now - start
    print(
      JSONWriter.text(of: [
        "sent": .int(total), "told": .int(sink.told), "seconds": .int(seconds),
        "elapsed_ms": .int(Int(elapsed / Duration.milliseconds(1))),
        "resident_kib_early": .int(sink.residentEarly), "resident_kib": .int(resident()),
        "last_is_shown": .bool(sink.shows(price(of: total - 1))),
      ]))
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private static func now() -> Timestamp {
    Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
  }

  /// This program as the exchange, until it is stopped.
  private struct Sender {
    let port: Int
    private let process = Process()

    init(_ total: Int, _ rate: Int) throws {
      let output = Pipe()
      process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      process.arguments = ["send", "\(total)", "\(rate)"]
      process.standardOutput = output
      try process.run()
      let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
      guard let port = Int(line.trimmingCharacters(in: .newlines)) else {
        throw Failure("the sender says \(line)")
      }
      self.port = port
    }

    func stop() { process.terminate() }
  }

  /// Prints its port, waits for a subscriber, and sends frames on time; one that is late at once. A row
  /// of its own says that it was all.
  static func send(_ total: Int, _ rate: Int) async throws {
    let (subscriptions, subscribed) = AsyncStream<Void>.makeStream()
    let stub = try await V5Stub(socket: { path, frame in
      if frame["op"] == "subscribe" { subscribed.yield() }
      return V5Stub.polite(path, frame)
    })
    print(stub.port)
    fflush(nil)
    for await _ in subscriptions { break }
    let start = ContinuousClock.now
    for first in stride(from: 0, to: total, by: rowsPerFrame) {
      let due = start + Duration.seconds(1) * (Double(first) / Double(rate))
      if due > ContinuousClock.now { try? await Task.sleep(until: due, clock: .continuous) }
      let rows = (first..<min(first + rowsPerFrame, total)).map(row).joined(separator: ",")
      stub.push(text: frame(rows))
    }
    stub.push(text: frame(#"{"orderId":"\#(end)"}"#))
    try await Task.sleep(for: .seconds(3_600))
  }

  /// The id in the row that is sent after the last one.
  private static let end: Text = "end"

  private static func frame(_ rows: String) -> String {
    #"{"id":"1","topic":"order","creationTime":1,"data":[\#(rows)]}"#
  }

  /// The price of the order that an update is about: each order has one of its own.
  private static func price(of number: Int) -> String { "\(10_000 + number / life).00" }

  private static func row(_ number: Int) -> String {
    let (order, step) = (number / life, number % life)
    let status = step == life - 1 ? "Filled" : "PartiallyFilled"
    let (units, tenths) = ((step + 1) / 10, (step + 1) % 10)
    return
      #"{"category":"linear","symbol":"BTCUSDT","orderId":"o\#(order)","orderLinkId":"a\#(order)","#
      + #""side":"Buy","orderType":"Limit","qty":"5.0","price":"\#(price(of: number))","#
      + #""orderStatus":"\#(status)","cumExecQty":"\#(units).\#(tenths)","avgPrice":"60000","#
      + #""timeInForce":"GTC","cumFeeDetail":{"USDT":"0.1"},"rejectReason":"EC_NoError","#
      + #""createdTime":"1700000000000","updatedTime":"\#(1_700_000_000_000 + number)","#
      + #""reduceOnly":false}"#
  }

  /// KiB of this process that are in memory.
  static func resident() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
  }

  /// Kernel and console model, as gateway and console put them together.
  private struct Sink {
    private var gate: Gatekeeper
    private var model: ConsoleModel
    /// Rows that came from the stream, and views that reached the model.
    private(set) var rows = 0
    private(set) var told = 0
    private(set) var residentEarly = 0
    /// Rows after which it is measured.
    private let early: Int

    init(early: Int) throws {
      self.early = early
      var settings = GateSettings()
      settings.gateway = "bench"
      let policy = try Policy.parse(#"{"version":"1","default":"deny","tools":{}}"#.utf8)
      let key = try SigningKey(seed: [UInt8](repeating: 7, count: 32))
      gate = try Gatekeeper(settings: settings, policy: policy, ledgerKey: key)
      model = ConsoleModel(at: StreamCost.now())
      _ = gate.handle(
        .storeRestored(StoreSnapshot(records: [:], ledgerSize: 0)), at: StreamCost.now())
      _ = gate.handle(.feed(.live), at: StreamCost.now())
      _ = model.handle(.linkUp, at: StreamCost.now())
    }

    mutating func take(_ frame: V5TopicFrame) throws {
      let now = StreamCost.now()
      let news = frame.rows.compactMap(\.objectValue)
      rows += news.count
      for effect in gate.handle(.orderRows(news), at: now) {
        guard case .publish(let event) = effect else { continue }
        let json = try JSONParser.parse(JSONWriter.bytes(of: event.payload), limits: .peer)
        let read = try OperatorEvent(name: event.name, payload: JSONCursor(json))
        _ = model.handle(.feed(read), at: now)
        if case .order = read { told += 1 }
      }
      if residentEarly == 0, rows >= early { residentEarly = StreamCost.resident() }
    }

    /// Whether the screen shows an order at this price.
    func shows(_ price: String) -> Bool {
      model.render(size: Size(width: 200, height: 60)).picture.contains { $0.contains("@\(price)") }
    }
  }
}

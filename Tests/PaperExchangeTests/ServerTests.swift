import Foundation
import JSON
import Testing
import Time

@testable import PaperExchange

/// The listener itself, over real sockets.
@Suite("The server", .serialized)
struct ServerTests {
  @Test("answers requests on one connection, one after the other, also pipelined")
  func keepAlive() async throws {
    try await serving { port in
      let wire = try Wire(port: port)
      let request = "GET /v5/market/time HTTP/1.1\r\nHost: x\r\n\r\n"
      wire.send(request)
      #expect(wire.read(until: "}").contains(#""retCode":0"#))
      wire.send(request + request)
      let both = wire.read { $0.components(separatedBy: "HTTP/1.1 200 OK").count == 3 }
      #expect(both.components(separatedBy: "timeSecond").count == 3)
    }
  }

  @Test(
    "what is no HTTP gets a 400 in the V5 envelope and the server goes on",
    arguments: [
      "NONSENSE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
      "POST /v5/order/create HTTP/1.1\r\nContent-Length: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nLong: \(String(repeating: "a", count: 40_000))\r\n\r\n",
    ])
  func malformed(_ text: String) async throws {
    try await serving { port in
      let wire = try Wire(port: port)
      wire.send(text)
      let answer = wire.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 400"))
      #expect(answer.contains(#""retCode":10001"#))
      let next = try Wire(port: port)
      next.send("GET /v5/market/time HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(next.read(until: "}").contains(#""retCode":0"#))
    }
  }

  @Test("a body past the limit is refused before it is read")
  func largeBody() async throws {
    try await serving {
      $0.limits.bodyBytes = 1000
    } _: { port in
      let wire = try Wire(port: port)
      wire.send("POST /v5/order/create HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
      wire.send(String(repeating: "x", count: 2000))
      #expect(wire.readToEnd().hasPrefix("HTTP/1.1 413"))
    }
  }

  @Test("a client that takes too long for its request is let go")
  func slow() async throws {
    try await serving {
      $0.limits.requestSeconds = 1
    } _: { port in
      let wire = try Wire(port: port)
      wire.send("GET /v5/market/time HTTP/1.1\r\nHo")
      #expect(wire.readToEnd() == "")
    }
  }

  @Test("more connections than there may be are closed at once")
  func crowd() async throws {
    try await serving {
      $0.limits.connections = 2
    } _: { port in
      let held = try [Wire(port: port), Wire(port: port)]
      for wire in held {
        wire.send("GET /v5/market/time HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(wire.read(until: "}").contains("timeSecond"))
      }
      #expect(try Wire(port: port).readToEnd() == "")
      held[0].send("GET /v5/market/time HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(held[0].read(until: "}").contains("timeSecond"))
    }
  }

  @Test("a WebSocket is opened, answers, and survives a frame of nonsense")
  func webSocket() async throws {
    try await serving { port in
      let wire = try Wire(port: port)
      wire.upgrade("/v5/public/linear?max_active_time=30s")
      #expect(wire.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
      wire.frame(#"{"op":"ping"}"#)
      #expect(wire.read(until: "}").contains("pong"))
      wire.frame("nonsense")
      #expect(wire.read(until: "}").contains(#""success":false"#))
      wire.frame(#"{"op":"subscribe","args":["tickers.BTCUSDT"]}"#)
      #expect(wire.read(until: "snapshot").contains("BTCUSDT"))
    }
  }

  @Test("a silent WebSocket is closed, one that speaks is not")
  func silence() async throws {
    try await serving {
      $0.limits.socketSeconds = 1
    } _: { port in
      let (silent, speaking) = (try Wire(port: port), try Wire(port: port))
      for wire in [silent, speaking] {
        wire.upgrade("/v5/public/linear")
        #expect(wire.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
      }
      let giveUp = Date().addingTimeInterval(5)
      repeat {
        speaking.frame(#"{"op":"ping"}"#)
        #expect(speaking.read(until: "}").contains("pong"))
      } while !silent.isClosed && Date() < giveUp
      #expect(silent.isClosed)
    }
  }

  @Test(
    "a client may ask for less patience, within the exchange's bounds",
    arguments: [
      ("", 600), ("?max_active_time=30s", 30), ("?max_active_time=1m", 60),
      ("?max_active_time=600s", 600), ("?max_active_time=29s", 600),
      ("?max_active_time=601s", 600), ("?max_active_time=x", 600), ("?other=30s", 600),
    ] as [(String, Int64)])
  func patience(_ query: String, _ seconds: Int64) {
    let limits = PaperConfiguration(host: "127.0.0.1").limits
    #expect(PaperExchangeServer.patience(of: "/v5/private\(query)", limits) == .seconds(seconds))
  }

  @Test("a frame past the limit closes its connection only")
  func largeFrame() async throws {
    try await serving {
      $0.limits.frameBytes = 1000
    } _: { port in
      let wire = try Wire(port: port)
      wire.upgrade("/v5/trade")
      #expect(wire.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
      wire.frame(String(repeating: "x", count: 5000))
      _ = wire.readToEnd()
      let next = try Wire(port: port)
      next.upgrade("/v5/trade")
      #expect(next.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
    }
  }

  @Test("an upgrade of an unknown path is 404")
  func unknownUpgrade() async throws {
    try await serving { port in
      let wire = try Wire(port: port)
      wire.upgrade("/v5/public/futures")
      #expect(wire.read(until: "\n").hasPrefix("HTTP/1.1 404"))
    }
  }

  @Test("a late answer keeps its place: what is asked meanwhile waits")
  func lateAnswer() async throws {
    try await serving {
      $0.faults = Self.rules("delayAnswer=1,on=/v5/market/time,delay=150ms")
    } _: { port in
      let wire = try Wire(port: port)
      let request = "HTTP/1.1\r\nHost: x\r\n\r\n"
      wire.send("GET /v5/market/time \(request)GET /v5/nope \(request)")
      let both = wire.read(until: "404 page")
      let time = try #require(both.range(of: "timeSecond"))
      let nope = try #require(both.range(of: "404 page"))
      #expect(time.lowerBound < nope.lowerBound)
    }
  }

  @Test("handshakes: refused once, late once, then at once")
  func handshakes() async throws {
    try await serving {
      $0.faults = Self.rules("refuseHandshake", "slowHandshake=1,delay=150ms")
    } _: { port in
      for answer in ["HTTP/1.1 503", "HTTP/1.1 101", "HTTP/1.1 101"] {
        let wire = try Wire(port: port)
        wire.upgrade("/v5/trade")
        #expect(wire.read(until: "\r\n\r\n").hasPrefix(answer))
      }
    }
  }

  @Test("an answer that never comes, and a connection that closes instead")
  func silentAnswers() async throws {
    try await serving {
      $0.faults = Self.rules(
        "closeConnection=1,on=/v5/market/time", "httpError=1,on=/v5/market/time,status=502")
    } _: { port in
      let request = "GET /v5/market/time HTTP/1.1\r\nHost: x\r\n\r\n"
      let first = try Wire(port: port)
      first.send(request)
      #expect(first.readToEnd() == "")
      let second = try Wire(port: port)
      second.send(request)
      #expect(second.read(until: "</html>").hasPrefix("HTTP/1.1 502"))
      second.send(request)
      #expect(second.read(until: "}").contains("timeSecond"))
    }
  }

  @Test("the log is written to its file")
  func logFile() async throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("paper-\(UUID().uuidString).log").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await serving {
      $0.logPath = path
    } _: { port in
      let wire = try Wire(port: port)
      wire.send("GET /v5/nope HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(wire.read(until: "found").hasPrefix("HTTP/1.1 404"))
    }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains(#""path":"/v5/nope""#))
  }

  @Test("what keeps it from starting is said in words")
  func cannotStart() async throws {
    let twice = PaperConfiguration(keys: [
      PaperKey(key: "a", secret: "x", canTrade: true),
      PaperKey(key: "a", secret: "y", canTrade: false),
    ])
    await #expect { try await PaperExchangeServer(twice).run { _ in } } throws: {
      ($0 as? PaperError)?.code == .keys
    }
    let elsewhere = PaperConfiguration(host: "203.0.113.1")
    await #expect { try await PaperExchangeServer(elsewhere).run { _ in } } throws: {
      ($0 as? PaperError)?.code == .listen
    }
    let noLog = PaperConfiguration(logPath: "/nonexistent/paper.log")
    await #expect { try await PaperExchangeServer(noLog).run { _ in } } throws: {
      ($0 as? PaperError)?.code == .log
    }
  }

  private static func rules(_ texts: String...) -> [FaultRule] {
    let rules = texts.compactMap { try? FaultRule(argument: $0) }
    #expect(rules.count == texts.count)
    return rules
  }

  /// Runs a server for as long as `body` takes.
  private func serving(
    _ change: (inout PaperConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (Int) throws -> Void
  ) async throws {
    var configuration = PaperConfiguration(seed: 1, keys: [Client.trader])
    change(&configuration)
    let server = PaperExchangeServer(configuration)
    let (ports, ready) = AsyncStream.makeStream(of: Int.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { ready.finish() }
        try await server.run { port in ready.yield(port) }
      }
      for await port in ports {
        try body(port)
        break
      }
      group.cancelAll()
      try await group.waitForAll()
    }
  }
}

/// A TCP connection that says and hears bytes; reads give up after five seconds.
final class Wire: @unchecked Sendable {
  private let descriptor: Int32

  struct Unreachable: Error {}

  private let dontWait = Int32(MSG_DONTWAIT)
  private let peek = Int32(MSG_PEEK)

  init(port: Int) throws {
    #if canImport(Glibc)
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw Unreachable() }
  }

  deinit { close(descriptor) }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes {
      #if canImport(Glibc)
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      #else
        Foundation.send(descriptor, $0.baseAddress, $0.count, 0)
      #endif
    }
  }

  func upgrade(_ path: String) {
    send(
      "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
  }

  /// Sends a masked text frame; the mask is zero.
  func frame(_ text: String) {
    let body = Array(text.utf8)
    let length: [UInt8] =
      body.count < 126
      ? [0x80 | UInt8(body.count)]
      : [0x80 | 126, UInt8(body.count >> 8), UInt8(body.count & 0xFF)]
    send([0x81] + length + [0, 0, 0, 0] + body)
  }

  /// Whether the other side has closed and nothing is left to read.
  var isClosed: Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, dontWait | peek) == 0
  }

  func read(until end: String) -> String { read { $0.contains(end) } }
  func readToEnd() -> String { read { _ in false } }

  func read(until isDone: (String) -> Bool) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !isDone(String(decoding: bytes, as: UTF8.self)) {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      bytes += buffer.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

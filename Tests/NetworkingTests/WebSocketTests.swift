import Testing

@testable import Networking

@Suite struct WebSocketTests {
  private func connect(
    _ server: SocketServer, limits: WebSocketLimits = WebSocketLimits()
  ) async throws -> WebSocket {
    try await WebSocket.connect(
      to: server.url(), headers: ["User-Agent": "test"], limits: limits,
      deadline: .now + .seconds(20))
  }

  private func text(_ message: WebSocketMessage?) -> String? {
    message.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  @Test func echoes() async throws {
    let server = try await SocketServer()
    let socket = try await connect(server)
    let messages = socket.makeAsyncIterator()
    for word in ["hello", "", "{\"op\":\"ping\"}", "\u{e9}\u{1F600}"] {
      try await socket.send(word)
      #expect(text(try await messages.next()) == word)
    }
    await socket.close()
    #expect(try await messages.next() == nil)
    await #expect(throws: NetworkError.self) { try await socket.send("late") }
    await server.stop()
  }

  @Test func joinsFragmentsAndAnswersPingsBetweenThem() async throws {
    let server = try await SocketServer()
    let socket = try await connect(server)
    let messages = socket.makeAsyncIterator()
    try await socket.send("fragments")
    #expect(text(try await messages.next()) == "abc")
    #expect(text(try await messages.next()) == "ponged p")
    try await socket.ping()
    #expect(text(try await messages.next()) == "pinged")
    await socket.close()
    await server.stop()
  }

  @Test(arguments: ["begin twice", "stray", "masked", "bad text", "long", "drop"])
  func breachesEndTheSocketWithAnError(_ word: String) async throws {
    let server = try await SocketServer()
    let socket = try await connect(server, limits: WebSocketLimits(messageBytes: 1000))
    let messages = socket.makeAsyncIterator()
    try await socket.send(word)
    let error = await #expect(throws: NetworkError.self) { _ = try await messages.next() }
    let others: [String: NetworkError.Code] = ["long": .limit, "drop": .closed]
    let expected = others[word] ?? .malformed
    #expect(error?.code == expected)
    await server.stop()
  }

  @Test func endlessFragmentsMeetTheLimit() async throws {
    let server = try await SocketServer()
    let socket = try await connect(server, limits: WebSocketLimits(messageBytes: 1000))
    let messages = socket.makeAsyncIterator()
    try await socket.send("begin")
    try await socket.send("endless")
    let error = await #expect(throws: NetworkError.self) { _ = try await messages.next() }
    #expect(error?.code == .limit)
    await server.stop()
  }

  @Test func anOrderlyGoodbyeIsTheEnd() async throws {
    let server = try await SocketServer()
    let socket = try await connect(server)
    let messages = socket.makeAsyncIterator()
    try await socket.send("goodbye")
    #expect(try await messages.next() == nil)
    await server.stop()
  }

  @Test func aFloodWaitsInTheSocketAndArrivesWhole() async throws {
    let server = try await SocketServer()
    let socket = try await connect(server, limits: WebSocketLimits(queuedBytes: 4096))
    let messages = socket.makeAsyncIterator()
    try await socket.send("flood")
    for n in 0..<2000 {
      let word = try #require(text(try await messages.next()))
      #expect(word.hasPrefix("\(n) "))
    }
    await socket.close()
    await server.stop()
  }

  @Test func tooMuchUnsentIsRefused() async throws {
    let server = try await SocketServer()
    let socket = try await connect(server, limits: WebSocketLimits(unsentBytes: 100))
    let error = await #expect(throws: NetworkError.self) {
      try await socket.send(String(repeating: "x", count: 101))
    }
    #expect(error?.code == .busy)
    #expect(error?.delivery == .notSent)
    await socket.close()
    await server.stop()
  }

  @Test func aRefusedUpgradeNamesTheStatus() async throws {
    let server = try await ScriptedServer([
      [.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")],
      [
        .send(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: forged\r\n\r\n")
      ],
      [.close],
    ])
    let url = try server.url(scheme: "ws")
    let refused = await #expect(throws: NetworkError.self) {
      _ = try await WebSocket.connect(to: url, deadline: .now + .seconds(20))
    }
    #expect(refused?.code == .handshake)
    #expect(refused?.message.contains("403") == true)
    for _ in 0..<2 {
      await #expect(throws: NetworkError.self) {
        _ = try await WebSocket.connect(to: url, deadline: .now + .seconds(20))
      }
    }
    await server.stop()
  }

  @Test func aSilentPeerMeetsTheDeadline() async throws {
    let server = try await ScriptedServer([[]])
    let error = await #expect(throws: NetworkError.self) {
      _ = try await WebSocket.connect(
        to: server.url(scheme: "ws"), deadline: .now + .milliseconds(150))
    }
    #expect(error?.code == .deadline)
    await server.stop()
  }
}

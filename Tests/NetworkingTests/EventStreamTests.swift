import Testing

@testable import Networking

@Suite struct EventStreamTests {
  private static let head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"

  private func open(
    _ steps: [ScriptedServer.Step], silence: Duration? = nil,
    limits: ServerSentEventParser.Limits = .init()
  ) async throws -> (ScriptedServer, EventStreamReply) {
    let server = try await ScriptedServer([steps])
    let reply = try await HTTPClient().events(
      .post, server.url(), body: Array("{}".utf8), deadline: .now + .seconds(20), silence: silence,
      limits: limits)
    return (server, reply)
  }

  @Test func eventsArriveAndTheStreamEnds() async throws {
    let (server, reply) = try await open([
      .send(Self.head), .send("id: 1\ndata: {\"a\""), .send(":1}\n\n: beat\n\ndata: 2\n\n"),
      .halfClose,
    ])
    guard case .events(let stream) = reply else {
      Issue.record("no event stream")
      return
    }
    var data: [String] = []
    for try await event in stream { data.append(event.data) }
    #expect(data == ["{\"a\":1}", "2"])
    await server.stop()
  }

  @Test func anotherMediaTypeIsAResponse() async throws {
    let (server, reply) = try await open([
      .send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    ])
    guard case .response(let response) = reply else {
      Issue.record("no response")
      return
    }
    #expect(response.body == Array("{}".utf8))
    await server.stop()
  }

  @Test func silenceEndsTheStreamWithAnError() async throws {
    let (server, reply) = try await open(
      [.send(Self.head), .send("data: 1\n\n")], silence: .seconds(1))
    guard case .events(let stream) = reply else {
      Issue.record("no event stream")
      return
    }
    var seen = 0
    let error = await #expect(throws: NetworkError.self) {
      for try await _ in stream { seen += 1 }
    }
    #expect(seen == 1)
    #expect(error?.code == .deadline)
    await server.stop()
  }

  @Test func aCutChunkedStreamIsAnError() async throws {
    let head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    let (server, reply) = try await open([.send(head), .send("9\r\ndata: 1\n\n\r\n"), .close])
    guard case .events(let stream) = reply else {
      Issue.record("no event stream")
      return
    }
    var seen = 0
    await #expect(throws: NetworkError.self) { for try await _ in stream { seen += 1 } }
    #expect(seen == 1)
    await server.stop()
  }

  @Test func anEndlessEventIsCutAtTheLimit() async throws {
    let flood = "data: " + String(repeating: "x", count: 5000)
    let (server, reply) = try await open(
      [.send(Self.head), .send(flood)], limits: .init(lineBytes: 1000, eventBytes: 1000))
    guard case .events(let stream) = reply else {
      Issue.record("no event stream")
      return
    }
    let error = await #expect(throws: NetworkError.self) { for try await _ in stream {} }
    #expect(error?.code == .limit)
    await server.stop()
  }

  @Test func aConsumerThatPausesStopsTheSocketNotTheMemory() async throws {
    let event = "data: " + String(repeating: "y", count: 64 << 10) + "\n\n"
    let all = String(repeating: event, count: 400)
    let (server, reply) = try await open([.send(Self.head), .send(all), .halfClose])
    guard case .events(let stream) = reply else {
      Issue.record("no event stream")
      return
    }
    var seen = 0
    for try await event in stream {
      seen += event.data.utf8.count
      if seen % (1 << 20) == 0 { await Task.yield() }
    }
    #expect(seen == 400 * (64 << 10))
    await server.stop()
  }
}

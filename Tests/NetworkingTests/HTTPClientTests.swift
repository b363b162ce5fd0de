import Testing

@testable import Networking

@Suite struct HTTPClientTests {
  private static let hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"

  private func deadline(_ wait: Duration = .seconds(60)) -> ContinuousClock.Instant { .now + wait }

  private func get(
    _ steps: [ScriptedServer.Step], limits: HTTPLimits = HTTPLimits(),
    within wait: Duration = .seconds(60)
  ) async throws -> HTTPResponse {
    let server = try await ScriptedServer([steps])
    let client = HTTPClient(limits: limits)
    let response = try await client.request(.get, server.url("/p?q=1"), deadline: deadline(wait))
    await server.stop()
    return response
  }

  private func failure(
    _ steps: [ScriptedServer.Step], limits: HTTPLimits = HTTPLimits(),
    within wait: Duration = .seconds(60)
  ) async throws -> NetworkError {
    try await #require(throws: NetworkError.self) {
      _ = try await get(steps, limits: limits, within: wait)
    }
  }

  @Test func readsALengthAChunkedAndACloseDelimitedBody() async throws {
    let plain = try await get([.send(Self.hello)])
    #expect(plain.status == 200)
    #expect(plain.headers["x-a"] == "b")
    #expect(plain.body == Array("hello".utf8))
    let chunked = try await get([
      .send("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"),
      .send("2\r\nlo\r\n0\r\n\r\n"),
    ])
    #expect(chunked.body == Array("hello".utf8))
    let closed = try await get([.send("HTTP/1.1 200 OK\r\n\r\nhello"), .close])
    #expect(closed.body == Array("hello".utf8))
    let halfClosed = try await get([.send("HTTP/1.1 200 OK\r\n\r\nhello"), .halfClose])
    #expect(halfClosed.body == Array("hello".utf8))
  }

  @Test func writesWhatWasAskedFor() async throws {
    let server = try await ScriptedServer([[.send(Self.hello)]])
    let client = HTTPClient()
    _ = try await client.request(
      .post, server.url("/v5/order/create"), headers: ["X-BAPI-SIGN": "abc"],
      body: Array("{}".utf8), deadline: deadline())
    let request = try #require(server.requests.first)
    #expect(request.hasPrefix("POST /v5/order/create HTTP/1.1\r\n"))
    #expect(request.contains("Host: 127.0.0.1:\(server.port)\r\n"))
    #expect(request.contains("X-BAPI-SIGN: abc\r\n"))
    #expect(request.contains("Content-Length: 2\r\n"))
    await server.stop()
  }

  @Test func keepsOneConnectionForRequestsInARow() async throws {
    let server = try await ScriptedServer(Array(repeating: [.send(Self.hello)], count: 4))
    let client = HTTPClient()
    let url = try server.url()
    try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        group.addTask { _ = try await client.request(.get, url, deadline: .now + .seconds(20)) }
      }
      try await group.waitForAll()
    }
    #expect(server.connections == 1)
    await server.stop()
  }

  @Test func aSafeRequestOnAClosedKeptConnectionIsRepeatedOnce() async throws {
    let server = try await ScriptedServer([
      [.send(Self.hello)], [.close], [.send(Self.hello)], [.send(Self.hello)], [.close],
    ])
    let client = HTTPClient()
    _ = try await client.request(.get, server.url(), deadline: deadline())
    _ = try await client.request(.get, server.url(), deadline: deadline())
    #expect(server.connections == 2)
    let post = try await client.request(.post, server.url(), body: [], deadline: deadline())
    #expect(post.status == 200)
    let error = try await #require(throws: NetworkError.self) {
      _ = try await client.request(.post, server.url(), body: [], deadline: deadline())
    }
    #expect(error.code == .closed)
    #expect(error.delivery == .ambiguous)
    #expect(server.requests.count == 5)
    await server.stop()
  }

  @Test(arguments: [
    "SMTP ready\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
  ])
  func malformedResponsesAreErrors(_ text: String) async throws {
    let error = try await failure([.send(text)])
    #expect(error.code == .malformed)
    #expect(error.delivery == .ambiguous)
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
  ])
  func truncatedResponsesAreErrors(_ text: String) async throws {
    let error = try await failure([.send(text), .halfClose])
    #expect(error.code == .closed || error.code == .malformed)
    #expect(error.delivery == .ambiguous)
  }

  @Test func limitsAreKept() async throws {
    let limits = HTTPLimits(headerBytes: 1000, bodyBytes: 100, requestBytes: 10)
    let long = String(repeating: "x", count: 1200)
    let one = try await failure([.send("HTTP/1.1 200 OK\r\nA: \(long)\r\n\r\n")], limits: limits)
    #expect(one.code == .limit)
    let many = (0..<60).map { "A\($0): \(long.prefix(20))\r\n" }.joined()
    let all = try await failure([.send("HTTP/1.1 200 OK\r\n\(many)\r\n")], limits: limits)
    #expect(all.code == .limit)
    let body = try await failure(
      [.send("HTTP/1.1 200 OK\r\nContent-Length: 1200\r\n\r\n\(long)")], limits: limits)
    #expect(body.code == .limit)
    let request = try await #require(throws: NetworkError.self) {
      _ = try await HTTPClient(limits: limits).request(
        .post, WebURL("http://127.0.0.1:1/"), body: Array(repeating: 0, count: 11),
        deadline: deadline())
    }
    #expect(request.delivery == .notSent)
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"])
  func aSlowPeerMeetsTheDeadline(_ text: String) async throws {
    let error = try await failure([.send(text)], within: .seconds(3))
    #expect(error.code == .deadline)
    #expect(error.delivery == .ambiguous)
  }

  @Test func waitingForTheConnectionEndsAtTheDeadlineUnsent() async throws {
    let server = try await ScriptedServer([[]])
    let client = HTTPClient()
    let url = try server.url()
    let first = Task { try await client.request(.get, url, deadline: .now + .seconds(60)) }
    let error = try await #require(throws: NetworkError.self) {
      while server.requests.isEmpty { await Task.yield() }
      _ = try await client.request(.get, url, deadline: .now + .milliseconds(100))
    }
    #expect(error.code == .deadline)
    #expect(error.delivery == .notSent)
    #expect(server.requests.count == 1)
    first.cancel()
    await #expect(throws: NetworkError.self) { try await first.value }
    await server.stop()
  }

  @Test func nobodyListeningIsNotSent() async throws {
    let server = try await ScriptedServer([])
    let url = try server.url()
    await server.stop()
    let error = try await #require(throws: NetworkError.self) {
      _ = try await HTTPClient().request(.get, url, deadline: deadline())
    }
    #expect(error.code == .connect)
    #expect(error.delivery == .notSent)
  }

  @Test func cancellingTheTaskEndsTheRequest() async throws {
    let server = try await ScriptedServer([[]])
    let url = try server.url()
    let task = Task { try await HTTPClient().request(.get, url, deadline: .now + .seconds(60)) }
    while server.requests.isEmpty { await Task.yield() }
    task.cancel()
    let error = await #expect(throws: NetworkError.self) { try await task.value }
    #expect(error?.code == .cancelled)
    #expect(error?.delivery == .ambiguous)
    await server.stop()
  }

  @Test(arguments: ["https", "wss"])
  func tlsWithoutASecurityNamesTheSeam(_ scheme: String) async throws {
    let server = try await ScriptedServer([])
    let url = try server.url(scheme: scheme)
    let error = try await #require(throws: NetworkError.self) {
      if scheme == "wss" {
        _ = try await WebSocket.connect(to: url, deadline: deadline())
      } else {
        _ = try await HTTPClient().request(.get, url, deadline: deadline())
      }
    }
    #expect(error.code == .noSecurity)
    #expect(error.delivery == .notSent)
    #expect(error.description.contains("ConnectionSecurity"))
    await server.stop()
  }

  @Test(arguments: [
    ("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\rb"), ("X", "a\u{0}"), ("X\r\n", "a"), ("", "a"),
    ("X Y", "a"), ("Host", "evil"), ("content-length", "3"), ("Transfer-Encoding", "chunked"),
  ])
  func headersThatCouldSplitARequestAreRefused(_ name: String, _ value: String) async throws {
    let error = try await #require(throws: NetworkError.self) {
      _ = try await HTTPClient().request(
        .get, WebURL("http://127.0.0.1:1/"), headers: [name: value], deadline: deadline())
    }
    #expect(error.code == .badRequest)
  }
}

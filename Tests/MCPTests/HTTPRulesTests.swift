import JSON
import Testing

@testable import MCP

@Suite struct HTTPRulesTests {
  private let rules = HTTPRules(
    allowedOrigins: ["https://desk.example"], allowedHosts: ["gateway.example", "box:9000"],
    bodyLimit: 1000)

  private static let good = [
    ("Host", "127.0.0.1:8787"), ("Authorization", "Bearer t"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Accept", "application/json, text/event-stream"),
  ]

  /// A good request with some headers replaced, removed (nil) or, where they are new, added.
  private func head(_ method: Text = "POST", _ changes: (String, String?)...) -> HTTPHead {
    var headers = Self.good
    for (name, value) in changes {
      headers.removeAll { $0.0 == name }
      if let value { headers.append((name, value)) }
    }
    return HTTPHead(method: method, headers: headers.map { HTTPHead.Header($0.0, $0.1) })
  }

  private func status(_ head: HTTPHead) -> Int {
    do throws(HTTPRefusal) {
      _ = try rules.judge(head)
      return 200
    } catch {
      return error.status
    }
  }

  @Test func `a good POST is read`() throws {
    #expect(try rules.judge(head()) == .message)
  }

  @Test(arguments: [
    ("http://localhost:3000", 200), ("http://127.0.0.1", 200), ("https://[::1]:1", 200),
    ("https://desk.example", 200), ("HTTPS://DESK.example", 200), ("https://desk.example:1", 403),
    ("http://evil.example", 403), ("http://localhost.evil.example", 403),
    ("http://127.0.0.1@evil.example", 403), ("http://localhost:80:80", 403), ("null", 403),
    ("", 403), ("file://localhost", 403), ("http://localhost/evil", 403), ("http://[::1", 403),
    ("http://127.0.0.1:99999", 403), ("http://de\u{017F}k.example", 403),
  ])
  func `only loopback and listed origins pass`(_ origin: String, _ expected: Int) {
    #expect(status(head("POST", ("Origin", origin))) == expected)
  }

  @Test(arguments: [
    ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:8787", 200), ("gateway.example", 200),
    ("gateway.example:8443", 200), ("box:9000", 200), ("box:9001", 421), ("box", 421),
    ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), (":8787", 421),
  ])
  func `only known hosts are served`(_ host: String, _ expected: Int) {
    #expect(status(head("POST", ("Host", host))) == expected)
  }

  @Test func `each header has its own refusal`() {
    #expect(status(head("POST", ("Host", nil))) == 421)
    #expect(status(head("POST", ("Authorization", nil))) == 401)
    #expect(status(head("POST", ("Content-Type", nil))) == 415)
    #expect(status(head("POST", ("Content-Type", "text/plain"))) == 415)
    #expect(status(head("POST", ("Content-Type", "application/json, text/plain"))) == 415)
    #expect(status(head("POST", ("Accept", nil))) == 406)
    #expect(status(head("POST", ("Accept", "application/json"))) == 406)
    #expect(status(head("POST", ("Accept", "*/*"))) == 406)
    #expect(status(head("POST", ("Accept", "TEXT/event-stream;q=0.5,Application/JSON"))) == 200)
    #expect(status(head("POST", ("Content-Length", "1000"))) == 200)
    #expect(status(head("POST", ("Content-Length", "1001"))) == 413)
    #expect(status(head("POST", ("Content-Length", "-1"))) == 400)
    #expect(status(head("PUT")) == 405)
    #expect(status(head("post")) == 405)
  }

  @Test func `a header that stands twice is refused`() {
    for name in ["host", "origin", "authorization", "content-type", "content-length"] {
      var twice = head("POST", ("Origin", "http://localhost"), ("Content-Length", "2"))
      twice.headers.append(HTTPHead.Header(name, "evil.example"))
      #expect(status(twice) == 400, "\(name)")
    }
  }

  @Test func `GET and DELETE name a session`() throws {
    let get = head("GET", ("Mcp-Session-Id", "s1"), ("Last-Event-ID", "4"))
    #expect(try rules.judge(get) == .stream(sessionID: "s1", lastEventID: "4"))
    #expect(try rules.judge(head("DELETE", ("Mcp-Session-Id", "s1"))) == .end(sessionID: "s1"))
    #expect(status(head("GET")) == 400)
    #expect(status(head("GET", ("Mcp-Session-Id", "s1"), ("Accept", "application/json"))) == 406)
    #expect(status(head("DELETE", ("Mcp-Session-Id", "a b"))) == 400)
    #expect(status(head("DELETE", ("Mcp-Session-Id", String(repeating: "x", count: 129)))) == 400)
    #expect(status(head("GET", ("Mcp-Session-Id", "s"), ("MCP-Protocol-Version", "1"))) == 400)
  }

  private func admission(
    _ text: String, _ head: HTTPHead, _ session: HTTPRules.SessionLookUp
  ) -> Result<HTTPRules.Admission, HTTPRefusal> {
    do throws(HTTPRefusal) {
      return .success(try rules.admit(message(text), head: head, session: session))
    } catch {
      return .failure(error)
    }
  }

  private func failed(_ result: Result<HTTPRules.Admission, HTTPRefusal>) -> Int? {
    if case .failure(let refusal) = result { refusal.status } else { nil }
  }

  private static let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
  private static let start = #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#

  @Test func `a session begins with initialize and is named from then on`() {
    #expect(admission(Self.start, head(), .unnamed) == .success(.newSession))
    #expect(admission(Self.start, head(), .gone) == .success(.newSession))
    #expect(admission(Self.start, head(), .live) == .success(.inSession))
    #expect(admission(Self.ping, head(), .live) == .success(.inSession))
    #expect(failed(admission(Self.ping, head(), .unnamed)) == 400)
    #expect(failed(admission(Self.ping, head(), .gone)) == 404)
  }

  @Test(
    arguments: [
      ("2025-06-18", nil), ("2025-11-25", nil), ("2025-03-26", 400), ("2024-11-05", 400),
      ("2026-07-28", 400), ("", 400), ("latest", 400),
    ] as [(String, Int?)])
  func `a revision that is not spoken is refused`(_ version: String, _ expected: Int?) {
    let head = head("POST", ("MCP-Protocol-Version", version))
    #expect(failed(admission(Self.ping, head, .live)) == expected)
  }

  @Test func `a client of the next era is led back to initialize`() throws {
    let head = head("POST", ("MCP-Protocol-Version", "2026-07-28"))
    let discover = #"""
      {"jsonrpc":"2.0","id":0,"method":"server/discover",
       "params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}
      """#
    guard case .failure(let refusal) = admission(discover, head, .unnamed) else {
      Issue.record("accepted")
      return
    }
    #expect(refusal.status == 400)
    #expect(refusal.error.code == .unsupportedVersion)
    #expect(
      refusal.error.data
        == ["supported": ["2025-06-18", "2025-11-25"], "requested": "2026-07-28"])
    #expect(refusal.body(about: .number(0)) == .failure(.number(0), refusal.error))
  }
}

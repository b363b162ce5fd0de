import Testing

@testable import Networking

@Suite struct WebURLTests {
  @Test(arguments: [
    ("http://127.0.0.1:8787/mcp", "127.0.0.1", 8787, "/mcp", "127.0.0.1:8787"),
    ("https://API.Bybit.com", "api.bybit.com", 443, "/", "api.bybit.com"),
    ("ws://[::1]:9/v5?a=%20b", "::1", 9, "/v5?a=%20b", "[::1]:9"),
    ("wss://h/?q?r", "h", 443, "/?q?r", "h"),
    ("http://h?x=1", "h", 80, "/?x=1", "h"),
  ])
  func reads(_ text: String, host: String, port: Int, target: String, authority: String) throws {
    let url = try WebURL(text)
    #expect(url.host == host)
    #expect(url.port == port)
    #expect(url.target == target)
    #expect(url.authority == authority)
  }

  @Test(arguments: [
    "", "h/p", "ftp://h/", "http://", "http:///p", "http://user:pw@h/", "http://h:0/",
    "http://h:65536/", "http://h:/", "http://h:80x/", "http://h/a b", "http://h/#f", "http://h/%2",
    "http://h/%zz", "http://[::1/", "http://[1.2.3.4]/", "http://[::1]x/", "http://a..b/",
    "http://-a/", "http://h/\r\nX: y", "http://h/\u{e9}", "http://\u{212A}/", "http://h/\u{0}",
    "http://h/\\", "http://h:80:80/",
  ])
  func refuses(_ text: String) {
    #expect(throws: NetworkError.self) { try WebURL(text) }
  }

  @Test func secretsInAURLAreNotRepeated() {
    let error = #expect(throws: NetworkError.self) { try WebURL("http://user:hunter2@h/") }
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test func appends() throws {
    let url = try WebURL("http://[::1]:9/base/").appending("/v5/order", query: "a=1")
    #expect(url.description == "http://[::1]:9/base/v5/order?a=1")
  }

  @Test(arguments: [
    ("http://127.0.0.1/", true), ("http://localhost/", true), ("http://[::1]/", true),
    ("http://127.evil.example/", false), ("http://10.0.0.1/", false),
  ])
  func knowsLoopback(_ text: String, isLoopback: Bool) throws {
    #expect(try WebURL(text).isLoopback == isLoopback)
  }
}

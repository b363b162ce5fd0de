import JSON
import Testing

@testable import MCP

@Suite struct ServerSentEventsTests {
  @Test(arguments: [
    ("a", "data: a\n\n"), ("", "data: \n\n"), ("a\nid: 7", "data: a\ndata: id: 7\n\n"),
    ("a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"),
  ])
  func `no line of the data becomes a field`(_ data: String, _ expected: String) throws {
    let bytes = try #require(ServerSentEvents.event(data: Array(data.utf8)))
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }

  @Test(arguments: ["a\nb", "a\rb", "a\r\nb", "a\0b"] as [Text])
  func `an id or name with a break is refused`(_ text: Text) {
    #expect(ServerSentEvents.event(id: text, data: []) == nil)
    #expect(ServerSentEvents.event(event: text, data: []) == nil)
  }

  @Test func `an event has its id first`() throws {
    let bytes = try #require(ServerSentEvents.event(id: "s-1", event: "message", data: [0x7B]))
    #expect(String(decoding: bytes, as: UTF8.self) == "id: s-1\nevent: message\ndata: {\n\n")
    #expect(ServerSentEvents.heartbeat.starts(with: ":".utf8))
  }

  @Test func `a message with breaks in its text stays one event`() {
    let message = RPCMessage.notification("m", object(["t": "a\n\ndata: b"]))
    let text = String(decoding: ServerSentEvents.message(message), as: UTF8.self)
    #expect(text.utf8.count { $0 == 0x0A } == 3)
  }
}

import Testing

@testable import Networking

@Suite struct ServerSentEventTests {
  private func parse(_ text: String, chunk: Int = 1) throws -> [ServerSentEvent] {
    var parser = ServerSentEventParser()
    let bytes = Array(text.utf8)
    return try stride(from: 0, to: bytes.count, by: chunk).flatMap {
      try parser.feed(bytes[$0..<min($0 + chunk, bytes.count)])
    }
  }

  @Test(arguments: [1, 2, 3, 1000])
  func readsAllLineEndsInAnyChunks(_ chunk: Int) throws {
    let text =
      "\u{FEFF}: hello\r\nid: 1\revent: tick\ndata: a\r\ndata:b\n\r\ndata\n\n"
      + "id:2\n\ndata: c\r\r"
    #expect(
      try parse(text, chunk: chunk) == [
        ServerSentEvent(id: "1", event: "tick", data: "a\nb"),
        ServerSentEvent(id: "1", data: ""),
        ServerSentEvent(id: "2", data: "c"),
      ])
  }

  @Test func anEventWithoutItsBlankLineIsNotDispatched() throws {
    #expect(try parse("data: half\n") == [])
  }

  @Test func remembersIdAndRetry() throws {
    var parser = ServerSentEventParser()
    _ = try parser.feed("id: 7\nretry: 250\nretry: x\n\n".utf8)
    #expect(parser.lastEventID == "7")
    #expect(parser.retry == 250)
  }

  @Test func refusesLongLinesAndEvents() {
    let limits = ServerSentEventParser.Limits(lineBytes: 10, eventBytes: 12)
    var parser = ServerSentEventParser(limits: limits)
    #expect(throws: NetworkError.self) { try parser.feed("data: 12345".utf8) }
    parser = ServerSentEventParser(limits: limits)
    #expect(throws: NetworkError.self) {
      for _ in 0..<9 { _ = try parser.feed("data: 1234\n".utf8) }
    }
  }

  @Test func refusesBytesThatAreNoUTF8() {
    var parser = ServerSentEventParser()
    let bytes = Array("data:".utf8) + [0xFF, 10, 10]
    #expect(throws: NetworkError.self) { try parser.feed(bytes) }
  }

  @Test(arguments: [
    "plain", "", "two\nlines", "crlf\r\nand\rcr", "ends\n", "\n\n", "data: nested\n\nid: 9",
  ])
  func whatIsEncodedReadsBackAsOneEvent(_ data: String) throws {
    let bytes = try ServerSentEvent(id: "4", event: "e", data: data).encoded()
    var parser = ServerSentEventParser()
    let events = try parser.feed(bytes)
    let expected = data.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    #expect(events.map(\.data) == [expected])
    #expect(events.first?.id == "4")
  }

  @Test func fieldsCannotBeInjectedThroughIdOrType() {
    #expect(throws: NetworkError.self) {
      try ServerSentEvent(id: "1\r\ndata: x", data: "").encoded()
    }
    #expect(throws: NetworkError.self) { try ServerSentEvent(event: "a\nb", data: "").encoded() }
  }

  @Test func commentsAreSkipped() throws {
    var parser = ServerSentEventParser()
    #expect(try parser.feed(ServerSentEvent.comment("beat\r\ndata: x\n")) == [])
  }
}

import NIOCore

/// The events of one streaming response. Only one task iterates; ending the response ends the
/// stream.
package final class EventStream: AsyncSequence, Sendable {
  package typealias Element = ServerSentEvent

  package let head: HTTPHead
  private let stream: HTTPStream
  private let limits: ServerSentEventParser.Limits

  init(_ stream: HTTPStream, limits: ServerSentEventParser.Limits) {
    head = stream.head
    self.stream = stream
    self.limits = limits
  }

  /// Ends the stream at once and closes its connection.
  package func close() { stream.close() }

  package func makeAsyncIterator() -> Iterator {
    Iterator(stream: stream, parser: ServerSentEventParser(limits: limits))
  }

  package struct Iterator: AsyncIteratorProtocol {
    let stream: HTTPStream
    var parser: ServerSentEventParser
    var ready: [ServerSentEvent] = []

    /// The id to send as `Last-Event-ID` when resuming.
    package var lastEventID: String? { parser.lastEventID }
    /// Milliseconds after which the stream asked to be opened again.
    package var retry: Int? { parser.retry }

    /// - Throws: `NetworkError`: `closed` when the response was cut short, `limit`, `deadline`
    ///   after too long a silence, `cancelled`.
    package mutating func next() async throws -> ServerSentEvent? {
      while ready.isEmpty {
        guard let bytes = try await stream.next() else { return nil }
        do {
          ready = try parser.feed(bytes).reversed()
        } catch {
          stream.close()
          throw error
        }
      }
      return ready.removeLast()
    }
  }
}

/// What came back for a request that may be answered with an event stream.
package enum EventStreamReply: Sendable {
  /// Status 200 and `text/event-stream`.
  case events(EventStream)
  /// Anything else, collected.
  case response(HTTPResponse)
}

extension HTTPClient {
  /// A request whose answer may be an event stream, on a connection of its own.
  ///
  /// - Parameters:
  ///   - deadline: Covers everything up to the head, and a body that is no event stream.
  ///   - silence: The longest pause between bytes, heartbeats included; nil is no limit.
  package func events(
    _ verb: HTTPVerb, _ url: WebURL, headers: HTTPFields = HTTPFields(), body: [UInt8]? = nil,
    deadline: ContinuousClock.Instant, silence: Duration? = nil,
    limits: ServerSentEventParser.Limits = ServerSentEventParser.Limits()
  ) async throws -> EventStreamReply {
    let stream = try await stream(
      verb, url, headers: headers, body: body, deadline: deadline, silence: silence)
    if stream.head.status == 200, stream.head.mediaType == "text/event-stream" {
      return .events(EventStream(stream, limits: limits))
    }
    let timer = Connector.group.any().scheduleTask(deadline: deadline.deadline) { stream.close() }
    defer { timer.cancel() }
    return .response(try await stream.collect())
  }
}

/// One piece of a response.
enum HTTPPart: Sendable {
  case head(HTTPHead)
  case body([UInt8])
}

/// One request under way on a connection.
final class HTTPExchange: Sendable {
  /// What the deadline covers.
  enum DeadlineScope { case whole, head }

  let parts: BoundedQueue<HTTPPart>
  let deadline: ContinuousClock.Instant
  let scope: DeadlineScope
  /// The longest silence of the peer once the head is here.
  let silence: Duration?

  init(
    parts: BoundedQueue<HTTPPart>, deadline: ContinuousClock.Instant, scope: DeadlineScope,
    silence: Duration?
  ) {
    self.parts = parts
    self.deadline = deadline
    self.scope = scope
    self.silence = silence
  }

  func head() async throws -> HTTPHead {
    guard case .head(let head)? = try await parts.next() else {
      throw NetworkError(.closed, "the connection ended before the response")
    }
    return head
  }

  /// The next bytes of the body; nil at its end.
  func chunk() async throws -> [UInt8]? {
    guard case .body(let bytes)? = try await parts.next() else { return nil }
    return bytes
  }

  /// The rest of the body, refused past `limit` bytes.
  func collect(limit: Int) async throws -> [UInt8] {
    var body: [UInt8] = []
    while let bytes = try await chunk() {
      guard body.count + bytes.count <= limit else {
        throw NetworkError(.limit, "the response body is longer than \(limit) bytes")
      }
      body.append(contentsOf: bytes)
    }
    return body
  }
}

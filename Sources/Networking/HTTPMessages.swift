/// The request methods that this program uses.
package enum HTTPVerb: String, Sendable {
  case get = "GET"
  case post = "POST"
  case delete = "DELETE"

  /// Whether doing it twice is the same as doing it once and changes nothing.
  var isSafe: Bool { self == .get }
}

/// Status and headers of a response.
package struct HTTPHead: Sendable {
  package let status: Int
  package let headers: HTTPFields

  package init(status: Int, headers: HTTPFields) {
    self.status = status
    self.headers = headers
  }

  /// The media type in lower case without its parameters, or nil.
  package var mediaType: String? {
    headers["Content-Type"]?.split(separator: ";", maxSplits: 1).first
      .map { $0.split(separator: " ").joined().lowercased() }
  }
}

/// A whole response.
package struct HTTPResponse: Sendable {
  package let head: HTTPHead
  package let body: [UInt8]

  package init(head: HTTPHead, body: [UInt8]) {
    self.head = head
    self.body = body
  }

  package var status: Int { head.status }
  package var headers: HTTPFields { head.headers }
}

/// What one exchange may cost.
package struct HTTPLimits: Hashable, Sendable {
  /// Bytes of status line and headers of a response.
  package var headerBytes: Int
  /// Bytes of a response's body that is collected.
  package var bodyBytes: Int
  /// Bytes of a request's body.
  package var requestBytes: Int
  /// Time to resolve and connect, inside the caller's deadline.
  package var connect: Duration
  /// Time that an idle connection is kept for the next request.
  package var idle: Duration
  /// Connections to one origin at a time; one keeps requests in order.
  package var connections: Int
  /// Callers that wait for a connection to one origin.
  package var waiting: Int

  package init(
    headerBytes: Int = 32 << 10, bodyBytes: Int = 16 << 20, requestBytes: Int = 4 << 20,
    connect: Duration = .seconds(10), idle: Duration = .seconds(15), connections: Int = 1,
    waiting: Int = 64
  ) {
    self.headerBytes = headerBytes
    self.bodyBytes = bodyBytes
    self.requestBytes = requestBytes
    self.connect = connect
    self.idle = idle
    self.connections = connections
    self.waiting = waiting
  }
}

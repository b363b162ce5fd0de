import JSON

/// One HTTP request with its bytes as they arrived.
struct RestRequest: Sendable {
  let connection: ConnectionID
  let method: String
  /// Without the query.
  let path: String
  /// As sent, without the question mark.
  let query: String
  /// Names in lower case; the first of several counts.
  let headers: [String: String]
  let body: [UInt8]

  init(
    connection: ConnectionID, method: String, uri: String, headers: [(String, String)],
    body: [UInt8]
  ) {
    self.connection = connection
    self.method = method
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    query = parts.count > 1 ? String(parts[1]) : ""
    self.headers = Dictionary(
      headers.map { ($0.0.lowercased(), $0.1) }, uniquingKeysWith: { first, _ in first })
    self.body = body
  }
}

struct RestAnswer: Sendable {
  var status = 200
  var headers: [(Text, String)] = []
  var contentType = "application/json; charset=utf-8"
  var body: [UInt8]
  var delivery = Delivery.send

  enum Delivery: Sendable {
    case send
    /// It comes as an output of its own.
    case later
    /// Nothing is sent and the connection stays as it is.
    case withhold
    /// The connection closes without a byte of this answer.
    case close
  }
}

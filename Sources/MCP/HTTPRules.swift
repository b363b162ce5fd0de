package import JSON

/// What Streamable HTTP asks of a request before a session sees it. Pure: the shell looks sessions
/// and tokens up and does what it is told.
package struct HTTPRules: Hashable, Sendable {
  /// What a request whose head is in order is for.
  package enum Purpose: Hashable, Sendable {
    /// POST: read at most `bodyLimit` bytes, decode them, then ask `admit(_:head:session:)`.
    case message
    /// GET: the stream of a session's own messages; `lastEventID` asks for what was missed.
    case stream(sessionID: Text, lastEventID: Text?)
    /// DELETE: the client ends its session; the answer is 204.
    case end(sessionID: Text)
  }

  /// What became of the session that a request names.
  package enum SessionLookUp: Hashable, Sendable {
    /// The request names none.
    case unnamed
    case live
    /// Unknown, ended, or of another agent: all told the same.
    case gone
  }

  package enum Admission: Hashable, Sendable {
    /// `initialize`: make a session with a new unguessable id and hand it the message.
    case newSession
    /// Hand the message to the session that it names.
    case inSession
  }

  /// Bytes of the longest session id.
  package static let longestSessionID = 128

  /// Origins besides loopback that browsers may send, as `scheme://host[:port]` in lower case.
  package var allowedOrigins: Set<Text>
  /// Host names besides loopback, in lower case; with a port where only that port counts.
  package var allowedHosts: Set<Text>
  /// Bytes of the largest body.
  package var bodyLimit: Int

  package init(
    allowedOrigins: Set<Text> = [], allowedHosts: Set<Text> = [],
    bodyLimit: Int = JSONLimits.agent.bytes
  ) {
    self.allowedOrigins = allowedOrigins
    self.allowedHosts = allowedHosts
    self.bodyLimit = bodyLimit
  }

  /// Judges the head of a request, in the order in which a refusal tells a stranger least.
  package func judge(_ head: HTTPHead) throws(HTTPRefusal) -> Purpose {
    try checkHost(head)
    try checkOrigin(head)
    guard try head.single("authorization") != nil else { throw HTTPRefusal.unauthorized }
    switch head.method {
    case "POST":
      try checkPost(head)
      return .message
    case "GET":
      try checkVersion(head)
      try require(["text/event-stream"], in: head)
      return .stream(
        sessionID: try requiredSessionID(head), lastEventID: try head.single("last-event-id"))
    case "DELETE":
      try checkVersion(head)
      return .end(sessionID: try requiredSessionID(head))
    default:
      throw HTTPRefusal(
        405, .invalidRequest, "the endpoint takes POST, GET and DELETE",
        headers: [HTTPHead.Header("Allow", "DELETE, GET, POST")])
    }
  }

  /// The id that a request names, or nil. Throws when it is no id at all.
  package func sessionID(of head: HTTPHead) throws(HTTPRefusal) -> Text? {
    guard let id = try head.single("mcp-session-id") else { return nil }
    guard !id.isEmpty, id.count <= Self.longestSessionID,
      id.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
      throw HTTPRefusal(400, .invalidRequest, "Mcp-Session-Id is no id that was issued here")
    }
    return id
  }

  /// Judges a decoded message of a POST.
  package func admit(
    _ message: RPCMessage, head: HTTPHead, session: SessionLookUp
  ) throws(HTTPRefusal) -> Admission {
    if case .request(let request) = message {
      if let error = ProtocolVersion.refusal(of: request) { throw HTTPRefusal(400, error) }
      // Its version is negotiated in the body, and a client may start over with an old id.
      if request.method == "initialize", session != .live { return .newSession }
    }
    try checkVersion(head)
    try checkSession(session)
    return .inSession
  }

  /// Judges the session that a GET or DELETE names, or a POST after `initialize`.
  package func checkSession(_ session: SessionLookUp) throws(HTTPRefusal) {
    switch session {
    case .live: return
    case .unnamed: throw Self.noSession
    case .gone:
      throw HTTPRefusal(
        404, .invalidRequest, "the session is unknown or has ended; start with \"initialize\"")
    }
  }

  /// For a body that turns out to be larger than `bodyLimit`.
  package var tooLarge: HTTPRefusal {
    HTTPRefusal(413, .invalidRequest, "the body has more than \(bodyLimit) bytes")
  }

  // MARK: Single headers

  private static let noSession = HTTPRefusal(
    400, .invalidRequest, "Mcp-Session-Id is required; \"initialize\" returns it")

  private func requiredSessionID(_ head: HTTPHead) throws(HTTPRefusal) -> Text {
    guard let id = try sessionID(of: head) else { throw Self.noSession }
    return id
  }

  private func checkPost(_ head: HTTPHead) throws(HTTPRefusal) {
    _ = try head.single("content-type")
    guard head.mediaTypes("content-type") == ["application/json"] else {
      throw HTTPRefusal(415, .invalidRequest, "Content-Type must be application/json")
    }
    try require(["application/json", "text/event-stream"], in: head)
    if let length = try head.single("content-length") {
      guard let count = Int(length.string), count >= 0 else {
        throw HTTPRefusal(400, .invalidRequest, "Content-Length is no number of bytes")
      }
      guard count <= bodyLimit else { throw tooLarge }
    }
  }

  private func require(_ types: [String], in head: HTTPHead) throws(HTTPRefusal) {
    let accepted = head.mediaTypes("accept")
    guard types.allSatisfy(accepted.contains) else {
      throw HTTPRefusal(
        406, .invalidRequest, "Accept must list \(types.joined(separator: " and "))")
    }
  }

  private func checkVersion(_ head: HTTPHead) throws(HTTPRefusal) {
    // Absent means 2025-03-26 to the protocol; the handshake has told which revision it really is.
    guard let version = try head.single("mcp-protocol-version") else { return }
    guard ProtocolVersion(text: version) != nil else {
      throw HTTPRefusal(400, ProtocolVersion.unsupported(requested: version))
    }
  }

  private func checkHost(_ head: HTTPHead) throws(HTTPRefusal) {
    let host = try head.single("host")?.asciiLowercased
    if let host, let authority = Authority(host.utf8) {
      if authority.isLoopback || allowedHosts.contains(host) { return }
      if allowedHosts.contains(authority.host) { return }
    }
    throw HTTPRefusal(
      421, .invalidRequest, "the Host is not served here; add it to the configuration's host names")
  }

  private func checkOrigin(_ head: HTTPHead) throws(HTTPRefusal) {
    guard let origin = try head.single("origin") else { return }
    let lower = origin.asciiLowercased
    if allowedOrigins.contains(lower) { return }
    for scheme in ["http://", "https://"] as [Text] where lower.hasPrefix(scheme) {
      if Authority(lower.utf8.dropFirst(scheme.count))?.isLoopback == true { return }
    }
    throw HTTPRefusal(403, .invalidRequest, "the Origin is not allowed here")
  }
}

/// `host[:port]`, nothing else.
struct Authority: Hashable {
  /// Lower case; an IPv6 address keeps its brackets.
  let host: Text
  let port: Int?

  init?(_ text: some Collection<UInt8>) {
    let bytes = Array(text)
    let close = bytes.first == UInt8(ascii: "[") ? bytes.firstIndex(of: UInt8(ascii: "]")) : nil
    let colon = bytes[(close ?? 0)...].firstIndex(of: UInt8(ascii: ":"))
    let name = bytes[..<(colon ?? bytes.endIndex)]
    guard !name.isEmpty, close == nil || name.last == UInt8(ascii: "]"),
      name.allSatisfy({ $0.isHostByte || close != nil && $0.isAddressByte }),
      let host = Text(utf8: name)
    else { return nil }
    self.host = host
    guard let colon else {
      port = nil
      return
    }
    let digits = bytes[(colon + 1)...]
    guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = Int(String(decoding: digits, as: UTF8.self)), port <= 65_535
    else { return nil }
    self.port = port
  }

  var isLoopback: Bool { host == "127.0.0.1" || host == "localhost" || host == "[::1]" }
}

extension UInt8 {
  fileprivate var isHostByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  fileprivate var isAddressByte: Bool {
    self == UInt8(ascii: "[") || self == UInt8(ascii: "]") || self == UInt8(ascii: ":")
  }
}

import NIOCore

/// An absolute `http`, `https`, `ws` or `wss` URL, parsed strictly.
///
/// ASCII only; no user information, no fragment, no white space; percent signs start an escape.
package struct WebURL: Hashable, Sendable, CustomStringConvertible {
  package enum Scheme: String, Hashable, Sendable {
    case http, https, ws, wss

    package var isSecure: Bool { self == .https || self == .wss }
    var defaultPort: Int { isSecure ? 443 : 80 }
  }

  package let scheme: Scheme
  /// Lower case; an IPv6 address without its brackets.
  package let host: String
  package let port: Int
  /// Begins with a slash.
  package let path: String
  /// What follows the first question mark, as written; nil without one.
  package let query: String?
  private let isIPv6: Bool

  package init(_ text: String) throws(NetworkError) {
    guard text.utf8.allSatisfy(Self.isAllowed), Self.escapesAreWhole(text) else {
      throw Self.bad(text, "it holds a character that a URL may not hold")
    }
    guard text.utf8.count <= Self.longest else { throw Self.bad("", "it is too long") }
    guard let colon = text.utf8.firstRange(of: "://".utf8) else {
      throw Self.bad(text, "it has no scheme")
    }
    guard let scheme = Scheme(rawValue: text[..<colon.lowerBound].lowercased()) else {
      throw Self.bad(text, "its scheme is not http, https, ws or wss")
    }
    let rest = text[colon.upperBound...]
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let place = try Self.authority(rest[..<end], in: text)
    let target = rest[end...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    self.scheme = scheme
    host = place.host
    isIPv6 = place.isIPv6
    port = place.port ?? scheme.defaultPort
    path = target.first.map { $0.isEmpty ? "/" : String($0) } ?? "/"
    query = target.count > 1 ? String(target[1]) : nil
  }

  private init(_ other: WebURL, scheme: Scheme, path: String, query: String?) {
    self.scheme = scheme
    host = other.host
    port = other.port
    isIPv6 = other.isIPv6
    self.path = path
    self.query = query
  }

  /// Bytes of the longest URL.
  private static let longest = 8192

  /// Path and query as the request line holds them.
  package var target: String { query.map { "\(path)?\($0)" } ?? path }

  /// Host and, unless it is the scheme's own, port: the `Host` header.
  package var authority: String {
    let name = isIPv6 ? "[\(host)]" : host
    return port == scheme.defaultPort ? name : "\(name):\(port)"
  }

  package var description: String { "\(scheme.rawValue)://\(authority)\(target)" }

  /// Whether the host is a loopback address or `localhost`.
  package var isLoopback: Bool {
    if host == "localhost" || host == "::1" { return true }
    guard case .v4 = try? SocketAddress(ipAddress: host, port: 0) else { return false }
    return host.hasPrefix("127.")
  }

  /// Whether the host is an IP address, which gets no server name in a TLS handshake.
  package var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

  /// This URL's scheme and authority with `path` after its own (a trailing slash is dropped) and
  /// `query` in place of its own.
  package func appending(_ path: String, query: String? = nil) throws(NetworkError) -> WebURL {
    let base = self.path.hasSuffix("/") ? String(self.path.dropLast()) : self.path
    let all = base + path + (query.map { "?" + $0 } ?? "")
    let host = isIPv6 ? "[\(self.host)]" : self.host
    return try WebURL("\(scheme.rawValue)://\(host):\(port)\(all)")
  }

  // MARK: Parsing

  private static func authority(
    _ text: Substring, in url: String
  ) throws(NetworkError) -> (host: String, port: Int?, isIPv6: Bool) {
    guard !text.contains("@") else {
      throw bad("", "it holds user information; pass credentials as a header")
    }
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { throw bad(url, "a ] is missing") }
      let host = String(text[text.index(after: text.startIndex)..<close]).lowercased()
      guard host.contains(":"), (try? SocketAddress(ipAddress: host, port: 0)) != nil else {
        throw bad(url, "what is in brackets is no IPv6 address")
      }
      return (host, try port(text[text.index(after: close)...], in: url), true)
    }
    let end = text.firstIndex(of: ":") ?? text.endIndex
    let host = text[..<end].lowercased()
    guard isName(host) else { throw bad(url, "its host is no host name or address") }
    return (host, try port(text[end...], in: url), false)
  }

  private static func port(_ text: Substring, in url: String) throws(NetworkError) -> Int? {
    if text.isEmpty { return nil }
    let digits = text.dropFirst()
    guard
      text.first == ":", !digits.isEmpty, digits.utf8.count <= 5,
      digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits),
      (1...65_535).contains(port)
    else { throw bad(url, "its port is no number from 1 to 65535") }
    return port
  }

  private static func isName(_ host: String) -> Bool {
    let labels = host.split(separator: ".", omittingEmptySubsequences: false)
    return host.utf8.count <= 253
      && labels.allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy { byte in
            (97...122).contains(byte) || (48...57).contains(byte) || byte == 45 || byte == 95
          }
      }
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && !"\"#<>\\^`{|}".utf8.contains(byte)
  }

  private static func escapesAreWhole(_ text: String) -> Bool {
    var rest = text.utf8[...]
    while let at = rest.firstIndex(of: UInt8(ascii: "%")) {
      let digits = rest[at...].dropFirst().prefix(2)
      let hex = digits.allSatisfy { byte in
        (48...57).contains(byte) || (97...102).contains(byte | 0x20)
      }
      guard digits.count == 2, hex else { return false }
      rest = rest[at...].dropFirst(3)
    }
    return true
  }

  private static func bad(_ text: String, _ why: String) -> NetworkError {
    let shown = text.isEmpty ? "the URL" : "\"\(text.prefix(120))\""
    return NetworkError(
      .badURL, "\(shown) is no usable URL: \(why)", fix: "write it as http://host:port/path")
  }
}

package import JSON
import Networking
package import Risk
package import Time

/// The gateway's configuration file: one strict JSON document. Relative paths are relative to it.
package struct Configuration: Hashable, Sendable {
  package var agents: Endpoint
  package var operators: Endpoint
  /// What secures both listeners. Nil only when both are on loopback.
  package var tls: ListenerFiles?
  /// Host names besides loopback and those of the certificate by which clients may ask.
  package var hosts: [Text]
  /// Where metrics are served; nowhere by default.
  package var metrics: Endpoint?
  /// A directory of mode 0700.
  package var state: String
  package var policy: String
  package var upstreams: [Upstream]
  package var exchange: Exchange?
  package var hold: Hold
  /// What an administrator says of the risk checks.
  package var risk: RiskLimits
  /// Files of authorities that vouch, besides the system's, for upstreams and the exchange.
  package var trust: [String]
  /// What ledger and signatures call this gateway.
  package var name: Text

  /// Where a listener binds. Port 0 means any.
  package struct Endpoint: Hashable, Sendable {
    package var host: String
    package var port: Int

    package var isLoopback: Bool { host == "127.0.0.1" || host == "::1" || host == "localhost" }
  }

  /// The files of the listeners' TLS. Their changes count without a restart.
  package struct ListenerFiles: Hashable, Sendable {
    /// PEM: the certificate, then what links it to its authority.
    package var certificate: String
    /// PEM, readable by its owner alone.
    package var key: String
    /// The authority of `certificate`, for commands that use this file; nil: the system knows it.
    package var authority: String?
    /// Who vouches for operators' client certificates; nil: they need none.
    package var clientAuthority: String?
  }

  /// An MCP server behind the gateway: a child process, or a URL.
  package struct Upstream: Hashable, Sendable {
    package var name: Text
    /// Program and arguments; empty for an upstream over HTTP.
    package var command: [String]
    package var environment: [(name: String, value: Setting)]
    /// Nil for a child.
    package var url: String?
    /// Sent with every request over HTTP.
    package var headers: [(name: String, value: Setting)] = []

    package static func == (a: Upstream, b: Upstream) -> Bool {
      a.name == b.name && a.command == b.command && a.url == b.url
        && a.environment.elementsEqual(b.environment, by: ==)
        && a.headers.elementsEqual(b.headers, by: ==)
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
  }

  /// The exchange as the gateway itself reads it.
  package struct Exchange: Hashable, Sendable {
    package var rest: String
    package var stream: String
    package var key: Secret?
    package var secret: Secret?
    /// Instead of `secret`: the file of an RSA private key in PEM form.
    package var privateKey: String?
    /// `mainnet`, `testnet`, `demo`, or `paper`.
    package var environment: Text
  }

  package struct Hold: Hashable, Sendable {
    package var ttl: Milliseconds?
    package var wait: Milliseconds?
    package var cooling: Milliseconds?
    package var pendingPerAgent: Int?
    package var pendingTotal: Int?
    package var waitByClient: [Text: Milliseconds] = [:]
  }

  /// A value of a child's environment or of a header: plain, or a secret.
  package enum Setting: Hashable, Sendable {
    case plain(String)
    case secret(Secret)
  }

  /// Where a secret is; never the secret itself.
  package enum Secret: Hashable, Sendable {
    case environment(String)
    case file(String)
  }
}

// MARK: Addresses

extension Configuration {
  /// Where a listener is reached, as clients write it.
  package func url(_ listener: Endpoint, port: Int) -> String {
    let host = listener.host.contains(":") ? "[\(listener.host)]" : listener.host
    return "\(tls == nil ? "http" : "https")://\(host):\(port)"
  }
}

// MARK: Reading

extension Configuration {
  package static let defaultAgents = Endpoint(host: "127.0.0.1", port: 8787)
  package static let defaultOperators = Endpoint(host: "127.0.0.1", port: 8788)

  /// Reads `document`; `directory` is where relative paths start. Throws with line and column.
  package init(document: [UInt8], directory: String) throws(JSONError) {
    let root = JSONCursor(try JSONParser.parse(document, limits: .file))
    do throws(JSONError) {
      try self.init(json: root, directory: directory)
    } catch {
      throw error.located(in: document)
    }
  }

  private init(json: JSONCursor, directory: String) throws(JSONError) {
    try json.allow(Self.shape)
    let listen = try json.optional("listen")
    try listen?.allow(Self.listenShape)
    let tls = try listen?.maybe("tls") { one throws(JSONError) in
      try ListenerFiles(json: one, directory: directory)
    }
    func endpoint(_ key: Text, _ fallback: Endpoint) throws(JSONError) -> Endpoint {
      guard let one = try listen?.optional(key) else { return fallback }
      return try Endpoint(json: one, isSecure: tls != nil)
    }
    func path(_ key: Text) throws(JSONError) -> String {
      try json.member(key).path(in: directory)
    }
    self.init(
      agents: try endpoint("agents", Self.defaultAgents),
      operators: try endpoint("operators", Self.defaultOperators), tls: tls,
      hosts: try listen?.strings("hosts") { one throws(JSONError) in try one.hostName() } ?? [],
      metrics: try listen?.maybe("metrics") { one throws(JSONError) in
        let endpoint = try Endpoint(json: one, isSecure: true)
        guard endpoint.isLoopback else { throw one.bad("metrics are served on loopback only") }
        return endpoint
      }, state: try path("state"), policy: try path("policy"),
      upstreams: try Self.upstreams(try json.member("upstreams"), directory),
      exchange: try json.maybe("exchange") { one throws(JSONError) in
        try Exchange(json: one, directory: directory)
      },
      hold: try json.maybe("hold") { one throws(JSONError) in try Hold(json: one) } ?? Hold(),
      risk: try json.maybe("risk") { one throws(JSONError) in try RiskLimits(json: one) }
        ?? RiskLimits(),
      trust: try json.strings("trust") { one throws(JSONError) in try one.path(in: directory) },
      name: try json.optional("name")?.text() ?? "countersign")
  }

  private static func upstreams(
    _ json: JSONCursor, _ directory: String
  ) throws(JSONError) -> [Upstream] {
    var all: [Upstream] = []
    for (name, one) in try json.members() {
      all.append(try Upstream(name: name, json: one, directory: directory))
    }
    guard !all.isEmpty else { throw json.bad("name at least one upstream") }
    return all
  }
}

extension Configuration.ListenerFiles {
  init(json: JSONCursor, directory: String) throws(JSONError) {
    try json.allow(Self.shape)
    certificate = try json.member("certificate").path(in: directory)
    key = try json.member("key").path(in: directory)
    authority = try json.optional("ca")?.path(in: directory)
    clientAuthority = try json.optional("client_ca")?.path(in: directory)
  }
}

extension Configuration.Endpoint {
  init(json: JSONCursor, isSecure: Bool) throws(JSONError) {
    let text = try json.string()
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { throw json.bad("HOST:PORT is expected, such as 127.0.0.1:8787") }
    let host = String(text[..<colon]).trimmingBrackets
    guard !host.isEmpty else { throw json.bad("HOST:PORT is expected, such as 127.0.0.1:8787") }
    self.init(host: host, port: Int(port))
    guard isLoopback || isSecure else {
      throw json.bad(
        "off loopback the gateway needs TLS: run `countersign cert init` and name its files in "
          + "\"listen\": {\"tls\": …}, or use 127.0.0.1")
    }
  }
}

extension Configuration.Setting {
  /// A plain string stands for itself unless its name says that it is a secret.
  init(json: JSONCursor, directory: String, isSecret: Bool = false) throws(JSONError) {
    guard case .string(let text) = json.value else {
      self = .secret(try Configuration.Secret(json: json, directory: directory))
      return
    }
    if case .key(let name)? = json.path.steps.last, isSecret || name.soundsSecret {
      throw json.bad(
        "a secret never stands in this file; write {\"env\": NAME} or {\"file\": PATH}")
    }
    self = .plain(text.string)
  }
}

extension Configuration.Secret {
  init(json: JSONCursor, directory: String) throws(JSONError) {
    guard case .object = json.value else {
      throw json.bad(
        "a secret never stands in this file; write {\"env\": NAME} or {\"file\": PATH}")
    }
    try json.allow(only: Self.keys)
    switch (try json.optional("env"), try json.optional("file")) {
    case (let name?, nil): self = .environment(try name.string())
    case (nil, let file?):
      let path = try file.string()
      self = .file(path.hasPrefix("/") ? path : directory + "/" + path)
    default: throw json.bad("exactly one of \"env\" and \"file\" is expected")
    }
  }
}

extension Configuration.Exchange {
  init(json: JSONCursor, directory: String) throws(JSONError) {
    try json.allow(Self.shape)
    func secret(_ key: Text) throws(JSONError) -> Configuration.Secret? {
      try json.maybe(key) { one throws(JSONError) in
        try Configuration.Secret(json: one, directory: directory)
      }
    }
    let named = try json.optional("environment")?.text()
    let known = named.flatMap { Self.hosts[$0] }
    let given = (rest: try json.optional("rest"), stream: try json.optional("stream"))
    if known == nil || given.rest != nil || given.stream != nil {
      // One URL alone would mix two environments.
      _ = try json.member("rest")
      _ = try json.member("stream")
    }
    let rest = try given.rest?.url(.http, .https) ?? "https://api\(known ?? "")"
    let stream = try given.stream?.url(.ws, .wss) ?? "wss://stream\(known ?? "")"
    self.init(
      rest: rest, stream: stream, key: try secret("key"),
      secret: try secret("secret"),
      privateKey: try json.maybe("private_key") { one throws(JSONError) in
        try one.path(in: directory)
      },
      environment: named ?? Self.environment(of: rest))
    guard self.secret == nil || privateKey == nil else {
      throw json.bad("\"secret\" and \"private_key\" exclude each other")
    }
    guard (self.key == nil) == (self.secret == nil && privateKey == nil) else {
      throw json.bad("\"key\" goes together with \"secret\" or \"private_key\"")
    }
  }

  /// What stands behind `api` and `stream` in the exchange's own host names.
  private static let hosts: [Text: String] = [
    "mainnet": ".bybit.com", "testnet": "-testnet.bybit.com", "demo": "-demo.bybit.com",
  ]

  private static func environment(of rest: String) -> Text {
    if rest.contains("//api-testnet.") { return "testnet" }
    if rest.contains("//api-demo.") { return "demo" }
    return rest.contains("//api.") ? "mainnet" : "paper"
  }
}

extension Configuration.Hold {
  init(json: JSONCursor) throws(JSONError) {
    try json.allow(Self.shape)
    func time(_ key: Text, _ longest: Milliseconds) throws(JSONError) -> Milliseconds? {
      try json.maybe(key) { one throws(JSONError) in
        let length = try one.duration()
        guard length <= longest else { throw one.bad("at most \(longest) is allowed") }
        return length
      }
    }
    ttl = try time("ttl", .minutes(7 * 24 * 60))
    wait = try time("wait", .minutes(10))
    cooling = try time("cooling", .seconds(10))
    pendingPerAgent = try json.optional("pending_per_agent")?.int(in: Self.perAgent)
    pendingTotal = try json.optional("pending_total")?.int(in: Self.inAll)
    for (client, one) in try json.optional("wait_by_client")?.members() ?? [] {
      let length = try one.duration()
      guard length <= .minutes(10) else { throw one.bad("at most 10m is allowed") }
      waitByClient[client] = length
    }
  }
}

extension JSONCursor {
  /// A path; a relative one starts at `directory`.
  fileprivate func path(in directory: String) throws(JSONError) -> String {
    let text = try string()
    guard !text.isEmpty else { throw bad("a path is expected") }
    return text.hasPrefix("/") ? text : directory + "/" + text
  }

  /// What `read` makes of each element of the array at `key`; none without it.
  fileprivate func strings<T>(
    _ key: Text, _ read: (JSONCursor) throws(JSONError) -> T
  ) throws(JSONError) -> [T] {
    var all: [T] = []
    for one in try optional(key)?.elements() ?? [] { all.append(try read(one)) }
    return all
  }

  /// A URL whose scheme is `plain` only on loopback, else `plain` with an s.
  fileprivate func url(_ plain: WebURL.Scheme, _ secure: WebURL.Scheme) throws(JSONError) -> String
  {
    let text = try string()
    let url: WebURL
    do { url = try WebURL(text) } catch { throw bad("\(error)") }
    guard url.scheme == secure || url.scheme == plain && url.isLoopback else {
      throw bad("\(secure.rawValue):// is needed off loopback: keys and orders go over it")
    }
    return text
  }

  /// A name as a Host header has it, in lower case.
  fileprivate func hostName() throws(JSONError) -> Text {
    let name = try text()
    guard !name.isEmpty, name.count <= 255,
      name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !(65...90).contains($0) })
    else { throw bad("a host name in lower case is expected, such as gateway.example.net") }
    return name
  }
}

extension String {
  fileprivate var trimmingBrackets: String {
    hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
  }
}

extension Text {
  /// Names under which people keep secrets in an environment.
  fileprivate var soundsSecret: Bool {
    let upper = string.uppercased()
    return ["SECRET", "API_KEY", "TOKEN", "PASSWORD", "PASSPHRASE"].contains { upper.contains($0) }
  }
}

import JSON
import Networking

extension Configuration.Upstream {
  /// Headers of one upstream.
  static let headerLimit = 32
  /// Bytes of one header's value.
  private static let headerBytes = 8192

  init(name: Text, json: JSONCursor, directory: String) throws(JSONError) {
    guard name.count <= 64, !name.isEmpty,
      name.utf8.allSatisfy({
        $0 == 45 || $0 == 95 || (48...57).contains($0) || (97...122).contains($0)
      })
    else { throw json.bad("an upstream's name has 1 to 64 of a-z 0-9 - _") }
    let isRemote = try json.object()["url"] != nil
    guard try isRemote != (json.object()["command"] != nil) else {
      throw json.bad("exactly one of \"command\" (a child) and \"url\" (over HTTP) is expected")
    }
    try json.allow(isRemote ? Self.remoteShape : Self.childShape)
    self.init(name: name, command: [], environment: [])
    if isRemote {
      url = try Self.url(try json.member("url"))
      headers = try Self.headers(json, directory)
    } else {
      command = try Self.command(try json.member("command"))
      for (key, value) in try json.optional("env")?.members() ?? [] {
        environment.append(
          (key.string, try Configuration.Setting(json: value, directory: directory)))
      }
    }
  }

  private static func command(_ list: JSONCursor) throws(JSONError) -> [String] {
    var command: [String] = []
    for word in try list.elements() { command.append(try word.string()) }
    guard !command.isEmpty else { throw list.bad("the command needs at least a program") }
    return command
  }

  private static func url(_ json: JSONCursor) throws(JSONError) -> String {
    let text = try json.string()
    let url: WebURL
    do throws(NetworkError) {
      url = try WebURL(text)
    } catch {
      throw json.bad("\(error)")
    }
    guard url.scheme == .https || url.scheme == .http && url.isLoopback else {
      throw json.bad("an upstream is an https:// URL; http:// is for this machine's own servers")
    }
    return text
  }

  private static func headers(
    _ upstream: JSONCursor, _ directory: String
  ) throws(JSONError) -> [(name: String, value: Configuration.Setting)] {
    var all: [(name: String, value: Configuration.Setting)] = []
    guard let json = try upstream.optional("headers") else { return all }
    for (name, value) in try json.members() {
      try check(name, value, after: all.map { Text($0.name) })
      let setting = try Configuration.Setting(
        json: value, directory: directory, isSecret: name.soundsSecretInAHeader)
      if case .plain(let text) = setting, !text.isHeaderValue {
        throw value.bad("a header's value has no line breaks or other control characters")
      }
      all.append((name.string, setting))
    }
    guard all.count <= headerLimit else { throw json.bad("at most \(headerLimit) headers") }
    return all
  }

  private static func check(
    _ name: Text, _ value: JSONCursor, after earlier: [Text]
  ) throws(JSONError) {
    guard !name.isEmpty, name.utf8.allSatisfy(\.isHeaderNameByte) else {
      throw value.bad("this is no name of a header")
    }
    let lower = name.string.lowercased()
    guard !reserved.contains(lower) else {
      throw value.bad("the protocol itself writes this header; leave it out")
    }
    guard !earlier.contains(where: { $0.string.lowercased() == lower }) else {
      throw value.bad("this header stands here already, in another case")
    }
    guard value.value.textValue.map({ $0.count <= headerBytes }) ?? true else {
      throw value.bad("a header's value has at most \(headerBytes) bytes")
    }
  }

  /// What the HTTP client or the protocol writes.
  private static let reserved: Set<String> = [
    "accept", "accept-encoding", "connection", "content-encoding", "content-length",
    "content-type", "expect", "host", "keep-alive", "last-event-id", "mcp-method", "mcp-name",
    "mcp-protocol-version", "mcp-session-id", "te", "trailer", "transfer-encoding", "upgrade",
  ]
}

extension Text {
  /// Names under which people send secrets.
  fileprivate var soundsSecretInAHeader: Bool {
    let lower = string.lowercased()
    return [
      "auth", "cookie", "credential", "key", "passphrase", "password", "secret", "token",
    ].contains { lower.contains($0) }
  }
}

extension String {
  /// Whether it can be the value of a header: no line break or other control byte.
  var isHeaderValue: Bool { utf8.allSatisfy { $0 == 9 || $0 >= 0x20 && $0 != 0x7F } }
}

extension UInt8 {
  fileprivate var isHeaderNameByte: Bool {
    (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self)
      || "!#$%&'*+-.^_`|~".utf8.contains(self)
  }
}

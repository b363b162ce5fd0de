package import JSON
import OperatorProtocol

/// Which hosts and browser origins the operators' listener answers.
package struct OperatorDoor: Hashable, Sendable {
  /// Host names besides loopback, in lower case; with a port where only that port counts.
  package var hosts: Set<Text>
  /// Origins that browsers may send, as `scheme://host[:port]` in lower case. None by default: no
  /// page has business here, one on loopback included.
  package var origins: Set<Text>

  package init(hosts: Set<Text> = [], origins: Set<Text> = []) {
    self.hosts = hosts
    self.origins = origins
  }

  /// Throws a reply: 421 for a host that is not served, 403 for an origin that is not allowed.
  func check(_ request: OperatorRequest) throws {
    guard let host = try request.single("host").map(Self.lowered), serves(host) else {
      throw OperatorReply(
        OperatorRefusal(
          .forbidden, "the Host is not served here; add it to the configuration's host names"),
        status: 421)
    }
    guard let origin = try request.single("origin").map(Self.lowered) else { return }
    guard origins.contains(origin) else {
      throw OperatorRefusal(.forbidden, "the Origin is not allowed here; use the console")
    }
  }

  private func serves(_ host: Text) -> Bool {
    if hosts.contains(host) { return true }
    guard let name = Self.name(of: host) else { return false }
    return hosts.contains(name) || name == "127.0.0.1" || name == "localhost" || name == "[::1]"
  }

  /// The host without its port; nil when what follows the colon is no port.
  private static func name(of host: Text) -> Text? {
    let bytes = host.bytes
    let close = bytes.lastIndex(of: UInt8(ascii: "]")) ?? 0
    guard let colon = bytes[close...].firstIndex(of: UInt8(ascii: ":")) else { return host }
    let port = bytes[(colon + 1)...]
    guard (1...5).contains(port.count), port.allSatisfy({ (48...57).contains($0) }) else {
      return nil
    }
    return Text(utf8: bytes[..<colon])
  }

  /// Only A to Z change: folding beyond ASCII would let the Kelvin sign through as a `k`.
  private static func lowered(_ value: String) -> Text {
    Text(
      String(decoding: value.utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self))
  }
}

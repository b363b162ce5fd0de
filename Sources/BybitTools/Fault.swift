/// A fault of the official server that tests can ask for.
enum Fault: String, CaseIterable, Sendable {
  /// A trade socket never opens, and nobody gives up.
  case hangingHandshake = "hanging-handshake"
  /// The server finds that it is too old, and every tool fails.
  case upgradeRequired = "upgrade-required"

  struct Unknown: Error, CustomStringConvertible {
    let name: String

    var description: String {
      "BYBIT_TOOLS_FAULTS: \"\(name)\" is not known; write "
        + Fault.allCases.map(\.rawValue).joined(separator: " or ")
    }
  }

  /// The ones that `BYBIT_TOOLS_FAULTS` lists, separated by commas.
  static func read(_ environment: [String: String]) throws(Unknown) -> Set<Fault> {
    var faults: Set<Fault> = []
    for name in (environment["BYBIT_TOOLS_FAULTS"] ?? "").split(separator: ",") {
      guard let fault = Fault(rawValue: String(name)) else { throw Unknown(name: String(name)) }
      faults.insert(fault)
    }
    return faults
  }
}

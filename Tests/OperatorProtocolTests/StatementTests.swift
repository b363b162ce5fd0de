import Cryptography
import Foundation
import JSON
import Testing
import Time

@testable import OperatorProtocol

/// What is signed can be checked by anybody with another JSON library.
struct StatementTests {
  static let arguments = """
    {"category":"linear","request":[{"symbol":"BTCUSDT","side":"Buy","qty":"0.10","positionIdx":0,\
    "note":"\\u20ac \\"q\\" \\\\ \\n / é 😀","b":true,"n":null,"x":[1.5,-0.001,1e+21]}],\
    "\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"😀":5,"ö":6}
    """

  static var statement: Statement {
    guard let arguments = try? JSONParser.parse(arguments).objectValue else { fatalError() }
    return Statement(
      batch: BatchID(at: Timestamp(milliseconds: 1_760_000_000_000), random: Array(0..<10)),
      revision: 1, agent: "bot", upstream: "bybit", tool: "wsBatchCreateOrders",
      toolFingerprint: SHA256.hash([1]), arguments: arguments, environment: "paper",
      expiresAt: Timestamp(milliseconds: 1_760_000_900_000), quorum: 2,
      policyDigest: SHA256.hash([2]))
  }

  /// RFC 8785 written down a second time, from Foundation's idea of the document.
  private func canonical(_ value: Any) -> String {
    switch value {
    case let object as [String: Any]:
      let keys = object.keys.sorted { Array($0.utf16).lexicographicallyPrecedes(Array($1.utf16)) }
      return "{"
        + keys.map { quoted($0) + ":" + canonical(object[$0] ?? NSNull()) }
        .joined(separator: ",") + "}"
    case let array as [Any]: return "[" + array.map(canonical).joined(separator: ",") + "]"
    case let text as String: return quoted(text)
    case is NSNull: return "null"
    case let number as NSNumber:
      return isBoolean(number) ? (number.boolValue ? "true" : "false") : plain(number)
    default: return "?"
    }
  }

  private func isBoolean(_ number: NSNumber) -> Bool {
    String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B"
  }

  private func plain(_ number: NSNumber) -> String {
    let value = number.doubleValue
    if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
    return "\(value)"
  }

  private func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  @Test func anotherCanonicaliserReproducesTheDigest() throws {
    let statement = Self.statement
    let shuffled = JSONWriter.text(of: statement.json).data(using: .utf8) ?? Data()
    let document = try JSONSerialization.jsonObject(with: shuffled)
    let text = canonical(document)
    #expect(text == String(decoding: statement.canonicalBytes, as: UTF8.self))
    #expect(SHA256.hash(Array(text.utf8)) == statement.digest)
  }

  @Test func itReadsBackFromItsBytes() throws {
    let statement = Self.statement
    let json = try JSONParser.parse(statement.canonicalBytes, limits: .file)
    #expect(try Statement(json: JSONCursor(json)) == statement)
  }

  static let changes: [@Sendable (inout Statement) -> Void] = [
    { $0.revision = 2 }, { $0.agent = "bot2" }, { $0.upstream = "other" },
    { $0.tool = "wsCreateOrder" }, { $0.toolFingerprint = SHA256.hash([9]) },
    { $0.arguments["category"] = "spot" }, { $0.environment = "mainnet" },
    { $0.expiresAt = $0.expiresAt + .milliseconds(1) }, { $0.quorum = 1 },
    { $0.policyDigest = SHA256.hash([9]) },
    { $0.batch = BatchID(at: Timestamp(milliseconds: 1), random: Array(0..<10)) },
  ]

  @Test(arguments: changes.indices) func everyFieldCounts(at: Int) {
    var changed = Self.statement
    Self.changes[at](&changed)
    #expect(changed.digest != Self.statement.digest)
  }

  @Test func anUnknownFieldIsRefused() throws {
    var object = try #require(Self.statement.json.objectValue)
    object["note"] = "x"
    #expect(throws: JSONError.self) { try Statement(json: JSONCursor(.object(object))) }
  }
}

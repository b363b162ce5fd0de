import Foundation
import JSON
import Setup
import Testing

@Suite("The built-in documents")
struct PolicyDriftTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// `RECORD_POLICY=1` writes the sources anew from the documents.
  @Test(
    "are those of config/, byte for byte",
    arguments: [
      ("policies", "Policy", BuiltInPolicy.document),
      ("catalogues", "Catalogue", BuiltInCatalogue.text),
    ])
  func drift(directory: String, name: String, text: String) throws {
    let document = try String(
      contentsOf: Self.root.appendingPathComponent("config/\(directory)/bybit.json"),
      encoding: .utf8)
    if ProcessInfo.processInfo.environment["RECORD_POLICY"] == "1" {
      let place = Self.root.appendingPathComponent(
        "Sources/Setup/Documents/BuiltIn\(name).swift")
      try Self.source(document, place).write(to: place, atomically: true, encoding: .utf8)
    }
    let isSame = Array(text.utf8) == Array(document.utf8)
    #expect(isSame, "run it with RECORD_POLICY=1")
    #expect(try JSONParser.parse(document.utf8, limits: .file)["version"]?.stringValue == "1")
  }

  @Test("name each other in a new installation")
  func beside() throws {
    let policy = try JSONParser.parse(BuiltInPolicy.text.utf8, limits: .file)
    #expect(policy["catalogue"]?.stringValue == SetupFile.catalogue)
  }

  private static func source(_ document: String, _ place: URL) throws -> String {
    let old = try String(contentsOf: place, encoding: .utf8)
    let start = try #require(old.range(of: "= #\"\"\"\n")).upperBound
    let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
    let body = lines.map { $0.isEmpty ? "" : "    " + $0 }.joined(separator: "\n")
    return old[..<start] + body + "\n    \"\"\"#\n}\n"
  }
}

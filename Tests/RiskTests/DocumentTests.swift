import Foundation
import Testing

@testable import Risk

@Suite struct RiskDocumentTests {
  /// The table in docs/risk.md is what `countersign risk rules --markdown` prints.
  @Test func theTableOfTheDocumentationIsTheTableInForce() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/risk.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    let parts = text.components(separatedBy: "<!-- rules -->\n")
    let table = try #require(parts.last?.components(separatedBy: "<!-- /rules -->").first)
    #expect(
      table == RuleDefinition.markdown,
      "run: countersign risk rules --markdown, and put it between the marks of docs/risk.md")
  }
}

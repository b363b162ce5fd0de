import Foundation
import Terminal
import Testing

@testable import Console

/// The README's key table is the program's. `RECORD_SCREENS=1` writes it anew.
@Suite struct KeyTableTests {
  private static let head = "| key | does | name |\n|---|---|---|\n"
  private static let end = "\nNo key approves by itself."

  private static var table: String {
    Keymap.standard.bindings.map { binding in
      let keys = binding.keys.map { "`\($0.label.string)`" }.joined(separator: " ")
      let words = binding.words.string.replacing("|", with: "\\|")
      return "| \(keys) | \(words) | `\(binding.action.rawValue)` |\n"
    }
    .joined()
  }

  @Test func `the README names every key`() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../README.md").standardizedFileURL
    let readme = try String(contentsOf: path, encoding: .utf8)
    let start = try #require(readme.range(of: Self.head)?.upperBound)
    let stop = try #require(readme.range(of: Self.end)?.lowerBound)
    if ProcessInfo.processInfo.environment["RECORD_SCREENS"] == "1" {
      let fresh = String(readme[..<start]) + Self.table + String(readme[stop...])
      try fresh.write(to: path, atomically: true, encoding: .utf8)
    } else {
      #expect(String(readme[start..<stop]) == Self.table, "RECORD_SCREENS=1 writes it anew")
    }
  }
}

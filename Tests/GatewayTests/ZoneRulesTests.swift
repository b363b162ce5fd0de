import Foundation
import JSON
import Policy
import Testing
import Time

@testable import Gateway

/// Time windows in zones of the system's database.
@Suite struct ZoneRulesTests {
  private func decision(_ moment: String, _ zone: String) throws -> Verdict.Decision {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appending(path: "policy.json").path
    let document = """
      {"version":"1","default":"allow","tools":{"t":{"deny_if":[{"conditions":[
      {"path":"time.now","op":"within","value":{"from":"09:00","to":"10:00","zone":"\(zone)"}}]}]}}}
      """
    try Data(document.utf8).write(to: URL(filePath: file))
    let policy = try PolicyFile.read(file)
    let now = try #require(Timestamp(rfc3339: moment))
    return policy.judge(Call(tool: "t", arguments: [:], agent: "bot"), at: now).decision
  }

  @Test(arguments: [
    ("2026-07-01T08:30:00Z", "Europe/London", Verdict.Decision.deny),
    ("2026-12-01T08:30:00Z", "Europe/London", .allow),
    ("2026-12-01T09:30:00Z", "Europe/London", .deny),
    ("2027-07-01T13:30:00Z", "America/New_York", .deny),
    ("2027-12-01T13:30:00Z", "America/New_York", .allow),
    ("2030-12-01T00:30:00Z", "Asia/Tokyo", .deny),
  ])
  func followTheSystem(_ moment: String, _ zone: String, _ expected: Verdict.Decision) throws {
    #expect(try decision(moment, zone) == expected)
  }

  @Test func aZoneThatNobodyKnowsIsNamed() {
    let error = #expect(throws: Files.Failure.self) {
      try decision("2026-07-01T08:30:00Z", "Mars/Base")
    }
    #expect(error?.message.contains("Mars/Base") == true)
  }
}

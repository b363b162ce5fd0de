import JSON
import Setup
import Testing

@Suite("The report")
struct ReportTests {
  private struct Given: Fact {
    var all: [Finding]
    func findings(_ commands: Commands) -> [Finding] { all }
  }

  private func report(_ findings: Finding...) -> Report {
    Report(
      subject: "/d/config.json", facts: [Given(all: findings)], commands: FindingTests.commands)
  }

  private let good = Finding(.policy, .ok, "fine")
  private let bad = Finding(
    .secret, .problem, "open", mend: "close it", command: "chmod 600 /d/x")

  @Test("ends with the documented codes")
  func codes() {
    #expect(report(good, Finding(.shell, .warning, "w")).exitCode == 0)
    #expect(report(good, bad).exitCode == 1)
    #expect(report(Finding(.configuration, .problem, "others can change it")).exitCode == 1)
    let missing = ConfigurationFact(file: FindingTests.absent, outcome: .missing)
    #expect(
      Report(subject: "", facts: [missing], commands: FindingTests.commands).exitCode == 2)
  }

  @Test("is read by people")
  func text() {
    #expect(
      report(good, bad, Finding(.disk, .unchecked, "dark")).lines() == [
        "ok           policy: fine", "PROBLEM      secret: open", "             mend: close it",
        "               $ chmod 600 /d/x", "not checked  disk: dark",
        "1 problem, 1 ok, 1 not checked",
      ])
    #expect(report(good).lines(leavingOut: [.ok]) == ["no problems, 1 ok"])
  }

  @Test("fits a terminal, with its commands whole")
  func width() {
    let long = Finding(
      .secret, .problem, "one two three four five six seven", mend: "do it",
      command: "a b c d e f g h i j k l m n")
    #expect(
      report(long).lines(width: 40).dropLast() == [
        "PROBLEM      secret: one two three four", "             five six seven",
        "             mend: do it", "               $ a b c d e f g h i j k l m n",
      ])
  }

  @Test("is read by programs, in a form that stays")
  func json() {
    #expect(
      JSONWriter.canonicalText(of: report(bad).json)
        == #"{"configuration":"/d/config.json","counts":{"not_checked":0,"note":0,"ok":0,"#
        + #""problem":1,"warning":0},"findings":[{"check":"secret","command":"chmod 600 /d/x","#
        + #""mend":"close it","verdict":"problem","words":"open"}],"version":1}"#)
  }
}

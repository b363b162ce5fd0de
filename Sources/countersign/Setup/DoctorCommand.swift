import ArgumentParser
import Foundation
import Setup

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what is missing, unreachable or unsafe, and what mends it.",
    discussion: """
      Looks at the configuration and everything that it names, asks gateway and exchange, and changes \
      nothing. Upstreams are not started. No wait is longer than 5 seconds.

      Ends with 0 when there is no problem, 1 when there is one, 2 when the configuration itself \
      cannot be used. With --json one document: its members are added to, never renamed.
      """)

  @OptionGroup var config: ConfigOptions
  @OptionGroup var output: JSONOption
  @Option(
    help: "The operator's key file. Default: operator.key beside the configuration, or yours.",
    completion: .file())
  var key: String?

  func run() async throws {
    let report = await Survey(config: config, key: key).report()
    if output.json {
      Standard.json(report.json)
    } else {
      for line in report.lines(width: UserTerminal.width) { Standard.line(Plain.safe(line)) }
    }
    if report.exitCode != 0 { throw ExitCode(report.exitCode) }
  }
}

import ArgumentParser
import Foundation
import Gateway
import JSON

/// The one program: gateway, console, the scripts' side, the paper exchange and the demo.
@main
struct Countersign: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "countersign",
    abstract: "Holds an AI agent's order batches until a person approves them.",
    discussion: """
      Start with `countersign demo`: all of it on this machine, without an account. Then \
      `countersign init --paper` sets it up to stay, and `countersign doctor` says what is missing.

      Exit codes: 0 done; 1 refused by a rule, or a negative answer; 2 usage or bad input; 3 stale \
      digest; 4 not reachable; 5 partly done.
      """,
    version: GatewayService.version.string,
    groupedSubcommands: [
      CommandGroup(
        name: "Every day",
        subcommands: [
          ConsoleCommand.self, PendingCommand.self, ShowCommand.self, ApproveCommand.self,
          RejectCommand.self, ResolveCommand.self, OrdersCommand.self, AuditCommand.self,
          FreezeCommand.self, ThawCommand.self,
        ]),
      CommandGroup(
        name: "Setting up",
        subcommands: [
          InitCommand.self, DoctorCommand.self, ConnectCommand.self, GatewayCommand.self,
          BackupCommand.self, PolicyCommand.self, RiskCommand.self, ToolsCommand.self,
          SchemaCommand.self, AgentCommand.self, OperatorCommand.self, CertificateCommand.self,
        ]),
      CommandGroup(name: "For agents", subcommands: [WrapCommand.self]),
      CommandGroup(
        name: "Trying out",
        subcommands: [
          DemoCommand.self, PaperCommand.self, BybitToolsCommand.self, ManualCommand.self,
        ]),
    ])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      Failure.end(error)
    }
  }
}

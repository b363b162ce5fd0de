import ArgumentParser
import Foundation
import Gateway
import JSON
import Logging
import MCP
import Policy
import Setup

/// Where a policy that a command has made goes.
struct PolicyOutput: ParsableArguments {
  @Option(
    help:
      "Where to write the policy; a file that is there is never overwritten. Default: standard output.",
    completion: .file())
  var out: String?

  func write(_ document: JSONValue) throws {
    let text = PrettyJSON.text(of: document)
    guard let out else { return Standard.line(text) }
    try NewFile.write(out, text + "\n")
  }
}

extension PolicyCommand {
  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read a policy of PolicyLayer or Intercept and write it in this language.",
      discussion: """
        Both dialects are read, as JSON or YAML. Nothing becomes more generous than it was meant: a \
        tool with a rule that cannot be expressed is denied. The report on standard error says of \
        each rule whether it was kept, read more strictly, or refused, with line and column.

        Ends with 5 when something was refused, with 2 when the file cannot be read at all.
        """)
    @OptionGroup var output: PolicyOutput
    @Argument(help: "The policy to read.", completion: .file()) var file: String

    func run() throws {
      let bytes = try Files.read(file)
      let imported: ImportedPolicy
      do throws(JSONError) {
        imported = try ImportedPolicy.read(bytes)
      } catch {
        throw Failure(Failure.badInput, "\(file): \(error)")
      }
      try output.write(imported.document)
      Standard.error("read as a policy of \(imported.dialect.rawValue)")
      for remark in imported.remarks { Standard.error(Plain.safe(remark.line)) }
      guard imported.isWhole else { throw ExitCode(Failure.partly) }
    }
  }

  struct Begin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "init",
      abstract: "Ask an MCP server for its tools and write a policy to begin with.",
      usage: """
        countersign policy init [<options>] --from-server <url>
        countersign policy init [<options>] -- <command> …
        """,
      discussion: """
        Each tool is listed. With --catalogue, reads that it knows are allowed, what moves money is \
        held, and everything else is denied. A tool that is not known is denied, also when the server \
        says of it that it only reads, unless --allow-hinted-reads is given. No tool is called.
        """)
    @Option(help: "The server's URL: https, or http on this machine.") var fromServer: String?
    @Option(help: "NAME:VARIABLE, a header sent to the URL and the variable that holds it.")
    var header: [String] = []
    @Option(help: "A variable of yours that the command gets, such as BYBIT_API_KEY.")
    var env: [String] = []
    @Option(help: "A catalogue that says what the tools do.", completion: .file())
    var catalogue: String?
    @Flag(help: "Allow tools that are not known and of which the server says that they only read.")
    var allowHintedReads = false
    @OptionGroup var output: PolicyOutput
    @Argument(parsing: .postTerminator, help: "A server to start: program and arguments.")
    var command: [String] = []

    func run() async throws {
      let known = try catalogue.map { path in
        (path: Text(URL(fileURLWithPath: path).path), content: try CatalogueFile.read(path))
      }
      let logger = Logger(label: "countersign") { _ in LogOutput(.text) }
      let found: ServerTools
      do {
        found = try await ServerTools.ask(
          try upstream(), environment: ProcessInfo.processInfo.environment, logger: logger)
      } catch let error as UpstreamError {
        throw Failure(Failure.unreachable, "\(error)")
      }
      let policy = FirstPolicy(
        server: found.server, tools: found.tools.map(Self.tool), catalogue: known,
        allowsHintedReads: allowHintedReads)
      try output.write(policy.document)
      for name in policy.unnamed {
        Standard.error(
          "left out, and so denied: \(Plain.safe(name)), which no key of a policy can name")
      }
    }

    private static func tool(_ definition: ToolDefinition) -> FirstPolicy.Tool {
      FirstPolicy.Tool(
        name: definition.name,
        isHintedRead: definition.annotations?["readOnlyHint"]?.boolValue == true)
    }

    private func upstream() throws -> Configuration.Upstream {
      switch (fromServer, command.isEmpty) {
      case (let url?, true):
        do throws(JSONError) {
          return try Configuration.Upstream(url: url, headers: try headers())
        } catch {
          throw Failure(Failure.badInput, "--from-server: \(error.message)")
        }
      case (nil, false): return Configuration.Upstream(command: command, variables: env)
      default:
        throw Failure(
          Failure.badInput, "give either --from-server URL or -- and a command to start")
      }
    }

    private func headers() throws(JSONError) -> [(name: String, variable: String)] {
      var all: [(name: String, variable: String)] = []
      for one in header {
        let parts = one.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
          throw JSONError(.badValue, "--header takes NAME:VARIABLE, such as Authorization:MY_TOKEN")
        }
        all.append((parts[0], parts[1]))
      }
      return all
    }
  }
}

extension ImportedPolicy.Remark {
  fileprivate var line: String {
    let place = position.map { "line \($0.line), column \($0.column)" } ?? "\(path)"
    return "\(place): \(reading.rawValue): \(words)"
  }
}

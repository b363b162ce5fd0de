import ArgumentParser
import Console
import Cryptography
import Gateway
import JSON
import OperatorConsole
import OperatorProtocol
import Terminal

extension ToolsCommand {
  struct Pins: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the tools of each upstream: pinned, drifted, unknown or absent.")
    @OptionGroup var gateway: GatewayOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let tools = try await gateway.client().tools()
      if output.json { return Standard.json(.array(tools.map(\.json))) }
      for tool in tools { Standard.line(ToolsCommand.line(tool)) }
    }
  }

  struct Drift: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what changed in the definitions of tools that are denied because of it.")
    @OptionGroup var gateway: GatewayOptions
    @OptionGroup var output: JSONOption
    @Flag(help: "Show the lines that did not change, too.") var whole = false

    func run() async throws {
      let client = try gateway.client()
      var all: [ToolDefinitions] = []
      for tool in try await client.tools() where tool.needsAcceptance {
        all.append(try await client.toolDefinitions(tool.upstream, tool.tool))
      }
      if output.json { return Standard.json(.array(all.map { json($0) })) }
      if all.isEmpty { Standard.error("every listed tool is as it was accepted") }
      for one in all { show(one) }
    }

    private func lines(_ one: ToolDefinitions) -> [DiffLine] {
      DefinitionDiff.lines(from: one.old, to: one.new, context: whole ? nil : 3)
    }

    private func json(_ one: ToolDefinitions) -> JSONValue {
      var object = one.json.objectValue ?? JSONObject()
      object["diff"] = .array(
        lines(one).map {
          ["mark": .string($0.mark.rawValue), "text": .string($0.text.string)]
        })
      return .object(object)
    }

    private func show(_ one: ToolDefinitions) {
      Standard.line(ToolsCommand.line(one.tool))
      for line in lines(one) { Standard.line("\(line.mark.sign) \(line.text)") }
      guard let seen = one.tool.seen else { return }
      Standard.line(
        "accept it with: countersign tools accept \(Plain.safe(one.tool.upstream)) "
          + "\(Plain.safe(one.tool.tool)) --fingerprint \(seen.hex) --reason …")
    }
  }

  struct Accept: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sign for the definition of a tool that you were shown.")
    @OptionGroup var gateway: GatewayOptions
    @OptionGroup var output: JSONOption
    @Argument(help: "The upstream's name.") var upstream: String
    @Argument(help: "The tool's name.") var tool: String
    @Option(help: "The fingerprint that `tools drift` showed: all 64 digits.")
    var fingerprint: String
    @Option(help: "Why; recorded.") var reason: String

    func run() async throws {
      guard let new = Digest(hex: fingerprint) else {
        throw Failure(Failure.badInput, "--fingerprint takes all 64 hexadecimal digits")
      }
      guard (1...ToolAcceptance.reasonLimit).contains(reason.utf8.count) else {
        throw Failure(
          Failure.badInput, "--reason takes 1 to \(ToolAcceptance.reasonLimit) bytes")
      }
      let client = try gateway.client()
      let shown = try await client.toolDefinitions(Text(upstream), Text(tool)).tool
      let accepted = try await client.accept(
        ToolAcceptance(
          of: shown, new: new, reason: reason, operatorName: client.key.name,
          decidedAt: SystemClock.now()))
      if output.json { return Standard.json(accepted.json) }
      Standard.line(ToolsCommand.line(accepted))
    }
  }

  static func line(_ tool: ToolView) -> String {
    var words = [
      "\(Plain.safe(tool.upstream))/\(Plain.safe(tool.tool))", tool.state.rawValue,
      "accepted \(tool.accepted?.hex ?? "never")",
    ]
    if let name = tool.acceptedBy { words.append("by \(Plain.safe(name))") }
    if let seen = tool.seen, seen != tool.accepted { words.append("now \(seen.hex)") }
    return words.joined(separator: "  ")
  }
}

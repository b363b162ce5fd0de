import ArgumentParser
import Gateway
import JSON
import Policy

struct ToolsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tools",
    abstract: "See what tools do and what the policy says of them, and accept changed definitions.",
    subcommands: [
      ToolsListCommand.self, ToolsShowCommand.self, Pins.self, Drift.self, Accept.self,
    ])
}

/// The policy and its catalogue, as the commands about tools read them.
struct CatalogueOptions: ParsableArguments {
  @OptionGroup var config: ConfigOptions
  @Option(help: "The policy file. Default: the configuration's.", completion: .file())
  var policy: String?

  func read() throws -> Policy { try PolicyFile.read(try policy ?? config.read().policy) }
}

struct ToolsListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the tools of the catalogue and of the policy.",
    discussion: """
      Each line has the tool's name, category, severity and verdict: what becomes of a call that no \
      condition stops. A * says that conditions can make it stricter.
      """)

  @OptionGroup var options: CatalogueOptions
  @OptionGroup var output: JSONOption
  @Option(help: "Only tools of this category.") var category: ToolCategory?
  @Option(help: "Only tools of this severity.") var severity: ToolSeverity?
  @Option(help: "Only tools with this verdict.") var verdict: Verdict.Decision?

  func run() throws {
    let policy = try options.read()
    let rows = policy.listedTools.map { ToolRow($0, policy) }.filter { row in
      (category == nil || row.entry?.category == category)
        && (severity == nil || row.entry?.severity == severity)
        && (verdict == nil || row.outlook.decision == verdict)
    }
    if output.json { return Standard.json(.array(rows.map(\.json))) }
    for row in rows { Standard.line(row.line) }
  }
}

struct ToolsShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Say what a tool does and what the policy says about it.")

  @OptionGroup var options: CatalogueOptions
  @OptionGroup var output: JSONOption
  @Argument(help: "The tool's name.") var name: String

  func run() throws {
    let policy = try options.read()
    let row = ToolRow(Text(name), policy)
    let rules = policy.explanations(of: row.name)
    if output.json {
      var object = row.json.objectValue ?? JSONObject()
      object["rules"] = .strings(rules)
      return Standard.json(.object(object))
    }
    for line in row.lines + rules.map({ "  \($0)" }) { Standard.line(Plain.safe(line)) }
  }
}

/// What is known of one tool without a gateway.
private struct ToolRow {
  let name: Text
  let entry: ToolCatalogue.Entry?
  let outlook: Outlook

  init(_ name: Text, _ policy: Policy) {
    self.name = name
    entry = policy.catalogue?[name]
    outlook = policy.outlook(for: name)
  }

  var line: String {
    let words = [
      Plain.safe(name), entry?.category.rawValue ?? "-", entry?.severity.rawValue ?? "-",
      outlook.decision.rawValue + (outlook.isConditional ? "*" : ""),
    ]
    return words.joined(separator: "  ")
  }

  var lines: [String] {
    var all = [name.string]
    if let entry {
      all.append("  \(entry.category.rawValue), \(entry.severity.rawValue), in \(entry.group)")
      all.append("  \(entry.reason)")
    } else {
      all.append("  the catalogue does not list it")
    }
    return all + ["  verdict: \(outlook.words) (\(outlook.rule))"]
  }

  var json: JSONValue {
    .compact([
      "name": .string(name), "group": entry.map { .string($0.group) },
      "category": entry.map { .string($0.category.rawValue) },
      "severity": entry.map { .string($0.severity.rawValue) },
      "reason": entry.map { .string($0.reason) },
      "verdict": .string(outlook.decision.rawValue), "conditional": .bool(outlook.isConditional),
      "rule": .string(outlook.rule),
    ])
  }
}

extension ToolCategory: ExpressibleByArgument {}
extension ToolSeverity: ExpressibleByArgument {}
extension Verdict.Decision: ExpressibleByArgument {}

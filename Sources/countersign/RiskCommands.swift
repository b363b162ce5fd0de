import Approvals
import ArgumentParser
import Gateway
import JSON
import Orders
import Risk

struct RiskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "risk", abstract: "List the risk checks and their limits, and explain a batch.",
    subcommands: [Explain.self, Limits.self, Rules.self])

  struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "List every rule: what it computes, of what, its proposed limits and its worst outcome.")
    @OptionGroup var output: JSONOption
    @Flag(help: "As the table of the documentation.") var markdown = false

    func run() {
      if output.json { return Standard.json(.array(RuleDefinition.all.map(\.json))) }
      if markdown { return Standard.line(RuleDefinition.markdown.dropLastNewline) }
      for one in RuleDefinition.all {
        Standard.line("\(one.rule.rawValue) \(one.title): \(one.formula)")
        if !one.limitWords.isEmpty { Standard.line("    \(one.limitWords)") }
      }
    }
  }

  struct Limits: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show each limit as it holds, and who set it.",
      discussion: """
        Limits of the configuration's "risk" replace this program's proposals; of those that apply \
        the strictest counts. Only they can BLOCK.
        """)
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption
    @Option(help: "For this agent.") var agent: String?
    @Option(help: "For this symbol.") var symbol: String?
    @Option(name: .customLong("class"), help: "For symbols of this class: A, B or C.")
    var symbols = "A"

    func run() throws {
      guard let known = SymbolClass.allCases.first(where: { $0.name == symbols }) else {
        throw Failure(Failure.badInput, "\"\(symbols)\" is no class of symbols: A, B or C")
      }
      let lines = try config.read().risk.effective(
        known, symbol: Text(symbol ?? ""), agent: Text(agent ?? "")
      ).lines
      if output.json { return Standard.json(.array(lines.map(\.json))) }
      for line in lines { Standard.line(Plain.safe(line.words)) }
    }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run every check on an order batch of a file, and say what each computes.",
      discussion: """
        BATCH is a JSON file: {"tool": …, "arguments": {…}}, or the arguments of wsBatchCreateOrders \
        alone. MARKET has, by symbol, the exchange's own answers as "instrument", "ticker", "book", \
        "price_limit" and "tiers", and "sd1m", "sd1d"; ACCOUNT has "wallet", "positions", "orders", \
        "margin_mode" and "day_result". What is not given is not known. Ends with 1 when the batch \
        could not be approved.
        """)
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption
    @Option(help: "A file with the market.", completion: .file(extensions: ["json"]))
    var market: String?
    @Option(help: "A file with the account.", completion: .file(extensions: ["json"]))
    var account: String?
    @Option(help: "The agent whose limits hold.") var agent: String?
    @Flag(help: "Say also what passed and what does not apply.") var all = false
    @Argument(help: "The batch.", completion: .file(extensions: ["json"])) var batch: String

    func run() throws {
      let report = try context().assess()
      if output.json {
        Standard.json(report.json)
      } else {
        show(report)
      }
      if report.isBlocked { throw ExitCode(Failure.refused) }
    }

    private func context() throws -> RiskContext {
      let now = SystemClock.now()
      let (tool, arguments) = try Self.read(batch) { json throws(JSONError) in
        guard json.value["arguments"] != nil else {
          return ("wsBatchCreateOrders" as Text, try json.object())
        }
        try json.allow(only: ["tool", "arguments", "agent", "name", "at", "facts"])
        return (try json.member("tool").text(), try json.member("arguments").object())
      }
      let orders = try parsed(tool, arguments)
      var around = RiskSurroundings()
      around.agent = Text(agent ?? "")
      around.ownLinkIDs = Set(orders.legs.filter { $0.orderLinkID != nil }.map(\.index))
      return RiskContext(
        batch: orders,
        market: try market.map { file in
          try Self.read(file) { json throws(JSONError) in
            try MarketSnapshot(json: json, category: orders.category, at: now)
          }
        } ?? MarketSnapshot(),
        account: try account.map { file in
          try Self.read(file) { json throws(JSONError) in
            AccountSnapshot.known(try Account(json: json, at: now))
          }
        } ?? .notConfigured, surroundings: around, limits: try limits(), now: now)
    }

    private func parsed(_ tool: Text, _ arguments: JSONObject) throws -> OrderBatch {
      do throws(OrderError) {
        return try OrderBatch.parse(tool: tool, arguments: arguments)
      } catch {
        throw Failure(Failure.badInput, "\(batch): \(error)")
      }
    }

    /// Of the configuration; without one, only this program's own.
    private func limits() throws -> RiskLimits {
      if config.config == nil, (try? Files.read(config.fullPath)) == nil { return RiskLimits() }
      return try config.read().risk
    }

    private func show(_ report: RiskReport) {
      for group in report.groups {
        for finding in group.findings where all || finding.outcome.severity > .clear {
          for line in finding.explanation { Standard.line(Plain.safe(line)) }
        }
      }
      let counts = report.counts
      Standard.line(
        "\(report.severity.rawValue.uppercased()): \(counts[.block] ?? 0) block, "
          + "\(counts[.high] ?? 0) high, \(counts[.warn] ?? 0) warn, \(counts[.note] ?? 0) note, "
          + "\(report.uncheckedCount) unchecked, \(counts[.clear] ?? 0) clear")
    }

    /// Throws with file, line and column.
    private static func read<T>(
      _ file: String, _ make: (JSONCursor) throws(JSONError) -> T
    ) throws -> T {
      let bytes = try Files.read(file)
      do throws(JSONError) {
        return try make(JSONCursor(try JSONParser.parse(bytes, limits: .file)))
      } catch {
        throw Failure(Failure.badInput, "\(file): \(error.located(in: bytes))")
      }
    }
  }
}

extension String {
  fileprivate var dropLastNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}

import Approvals
import ArgumentParser
import Cryptography
import Gateway
import JSON
import Orders
import Policy
import Time

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Check, explain, test, compare, import and begin policies.",
    subcommands: [
      Check.self, Explain.self, Test.self, Difference.self, Import.self, Begin.self,
    ])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say in words how each rule is read, and what can never fire.",
      discussion: """
        Unknown keys are errors. Warnings have line and column; `--json` has them in "findings", each \
        with "path", "words", "line" and "column".
        """)
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption
    @Argument(
      help: "The policy file. Default: the configuration's.",
      completion: .file(extensions: ["json"]))
    var file: String?

    func run() throws {
      let path = try file ?? config.read().policy
      let document = try PolicyFile(path)
      let policy = try document.policy()
      let findings = document.located(policy.findings())
      if output.json {
        return Standard.json([
          "digest": .string(policy.digest.hex), "rules": .strings(policy.explanations()),
          "warnings": .strings(findings.map { $0.warning.words }),
          "findings": .array(findings.map { Self.json($0.warning, $0.position) }),
        ])
      }
      for line in policy.explanations() { Standard.line(Plain.safe(line)) }
      for (warning, position) in findings {
        let place = position.map { "line \($0.line), column \($0.column): " } ?? ""
        Standard.line("warning: \(place)\(Plain.safe(warning.words))")
      }
      Standard.line("digest \(policy.digest.hex)")
    }

    private static func json(_ warning: PolicyWarning, _ position: JSONPosition?) -> JSONValue {
      .compact([
        "path": .string(warning.path.description), "words": .string(warning.words),
        "line": position.map { .int($0.line) }, "column": position.map { .int($0.column) },
      ])
    }
  }
}

struct CallsOption: ParsableArguments {
  @Flag(
    help: """
      Count the calls under the limits, one after another at their moments; each needs "at". Without it \
      each call is judged with nothing counted before.
      """)
  var counting = false
  @Argument(help: "The file with the calls.", completion: .file()) var calls: String

  func read() throws -> SampleCalls { try SampleCalls(file: calls, counting: counting) }
}

/// Calls of a file and how they are judged.
struct SampleCalls {
  let all: [SampleCall]
  private let counting: Bool
  private let now = SystemClock.now()

  /// Throws with file, line and column.
  init(file: String, counting: Bool) throws {
    let bytes = try Files.read(file)
    do throws(JSONError) {
      let json = JSONCursor(try JSONParser.parse(bytes, limits: .file))
      all = try SampleCall.all(json, inOrder: counting).map(Self.withFacts)
    } catch {
      throw Failure(Failure.badInput, "\(file): \(error.located(in: bytes))")
    }
    self.counting = counting
  }

  /// The verdicts on all, in their order.
  func verdicts(of policy: Policy) -> [Verdict] {
    guard counting else { return all.map { $0.verdict(of: policy, now: now) } }
    var rehearsal = Rehearsal(policy)
    return all.map { rehearsal.verdict(on: $0) }
  }

  /// What the gateway computes of an order without a market: no sums over legs without a price.
  private static func withFacts(_ sample: SampleCall) -> SampleCall {
    guard OrderTool.named(sample.call.tool)?.kind == .create,
      let batch = try? OrderBatch.parse(tool: sample.call.tool, arguments: sample.call.arguments)
    else { return sample }
    return sample.adding(["order": .object(batch.facts())])
  }
}

extension PolicyCommand {
  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what the policy makes of a call, and by which rule.",
      discussion: """
        CALLS is a JSON file with one call or an array of them: {"tool": …, "arguments": {…}}, and \
        where wanted "agent", "at" (a moment), "name" and "facts", such as \
        {"risk": {"max_severity": "HIGH"}}. Facts of an order are computed; without a market, market \
        legs have no worth. Nothing is sent, and nothing is counted at the gateway.

        With `--counting`, "then" lists what becomes of a call that is not denied, such as \
        [{"became": "sent"}, {"after": "2s", "became": "answered"}]; without it the call is sent and \
        answered at once. Besides "sent" and "answered" there are "refused", "unknown" and "not_sent".
        """)
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption
    @Option(help: "The policy file. Default: the configuration's.", completion: .file())
    var policy: String?
    @OptionGroup var calls: CallsOption

    func run() throws {
      let policy = try PolicyFile.read(try self.policy ?? config.read().policy)
      let samples = try calls.read()
      for (sample, verdict) in zip(samples.all, samples.verdicts(of: policy)) {
        if output.json {
          Standard.json(verdict.described(sample.name))
        } else {
          for line in verdict.lines(sample.name) { Standard.line(Plain.safe(line)) }
        }
      }
    }
  }

  struct Test: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Judge the calls of a file and compare with what it expects.",
      discussion: """
        CALLS is as for `policy explain`; each call has "expect": {"decision": "allow", "deny" or \
        "hold"}, and where wanted the "rule". Ends with 1 when any verdict is another.
        """)
    @OptionGroup var config: ConfigOptions
    @Option(help: "The policy file. Default: the configuration's.", completion: .file())
    var policy: String?
    @OptionGroup var calls: CallsOption

    func run() throws {
      let policy = try PolicyFile.read(try self.policy ?? config.read().policy)
      let samples = try calls.read()
      var failures = 0
      for (sample, verdict) in zip(samples.all, samples.verdicts(of: policy)) {
        if let complaint = sample.complaint(about: verdict) {
          failures += 1
          Standard.line(Plain.safe("failed  \(sample.name): \(complaint)"))
        }
      }
      Standard.line("\(samples.all.count - failures) as expected, \(failures) failed")
      if failures > 0 { throw ExitCode(Failure.refused) }
    }
  }

  struct Difference: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff",
      abstract: "Say for which calls of a file two policies decide differently.",
      discussion: "CALLS is as for `policy explain`. Ends with 1 when any verdict differs.")
    @Argument(help: "A policy file.", completion: .file()) var old: String
    @Argument(help: "Another policy file.", completion: .file()) var new: String
    @OptionGroup var calls: CallsOption

    func run() throws {
      let (old, new) = (try PolicyFile.read(self.old), try PolicyFile.read(self.new))
      let samples = try calls.read()
      var differences = 0
      let verdicts = zip(samples.verdicts(of: old), samples.verdicts(of: new))
      for (sample, (before, after)) in zip(samples.all, verdicts) {
        guard before.decision != after.decision || before.approval != after.approval else {
          continue
        }
        differences += 1
        Standard.line(
          Plain.safe("\(sample.name): \(before.short) becomes \(after.short)"))
      }
      Standard.line("\(differences) of \(samples.all.count) calls are decided differently")
      if differences > 0 { throw ExitCode(Failure.refused) }
    }
  }
}

extension Verdict {
  /// In a few words: `hold by /tools/x/action, 2 signatures`.
  fileprivate var short: String {
    let signatures = approval.quorum == 1 ? "1 signature" : "\(approval.quorum) signatures"
    return "\(decision.rawValue) by \(rule)" + (decision == .hold ? ", \(signatures)" : "")
  }

  fileprivate func lines(_ name: String) -> [String] {
    ["\(name): \(short)"] + (reason.isEmpty ? [] : ["  \(reason)"])
      + shadowed.map { "  shadow rule \($0.rule) would \($0.decision.rawValue)" }
  }

  fileprivate func described(_ name: String) -> JSONValue {
    .compact([
      "name": .string(Text(name)), "decision": .string(Text(decision.rawValue)),
      "rule": .string(Text(rule)), "reason": .string(Text(reason)),
      "quorum": decision == .hold ? .int(approval.quorum) : nil,
      "shadowed": .array(
        shadowed.map {
          ["rule": .string(Text($0.rule)), "decision": .string(Text($0.decision.rawValue))]
        }),
      "counter": counter.map(JSONValue.string),
      "retryAfterMs": retryAfter.map { .int($0.count) },
    ])
  }
}

import Orders
import Testing

@testable import Risk

/// One row: these orders in this scene come to this outcome of one rule.
struct RuleCase: CustomTestStringConvertible, Sendable {
  let rule: RiskRule
  let name: String
  let legs: [String]
  let category: String
  let outcome: String
  let change: @Sendable (inout Scene) -> Void

  init(
    _ rule: RiskRule, _ name: String, _ legs: [String], _ outcome: String,
    category: String = "linear", _ change: @escaping @Sendable (inout Scene) -> Void = { _ in }
  ) {
    self.rule = rule
    self.name = name
    self.legs = legs
    self.category = category
    self.outcome = outcome
    self.change = change
  }

  var testDescription: String { "\(rule.rawValue) \(name): \(outcome)" }

  func report() throws -> RiskReport { scene.assess(try batch()) }

  func batch() throws -> OrderBatch { try orders(legs, category: category) }

  /// Before the case's change.
  var start: Scene {
    var scene = Scene()
    if category == "spot" { scene.spot() }
    if category == "inverse" { scene.inverse() }
    if category == "option" { scene.option() }
    return scene
  }

  var scene: Scene {
    var scene = start
    change(&scene)
    return scene
  }

  static let all =
    shapeCases + unitsCases + marketCases + sizeCases + conductCases + marginCases + processCases
}

@Suite struct RuleTests {
  @Test(arguments: RuleCase.all)
  func comesTo(_ one: RuleCase) throws {
    let report = try one.report()
    #expect(report.worst(one.rule) == one.outcome, "\(report.words(one.rule))")
  }

  /// Rules that say the same without what they would like to know: the class of the symbol, its tick,
  /// the size of the position.
  private static let indifferent: Set<RiskRule> = [.noSlippageBound, .nearDuplicate, .closeAll]

  /// Every rule has a case that fires and one that does not, and every rule that reads the account or
  /// the market one where that is missing.
  @Test(arguments: RiskRule.allCases)
  func isCovered(_ rule: RiskRule) {
    let outcomes = RuleCase.all.filter { $0.rule == rule }.map(\.outcome)
    let quiet: Set<String> = ["pass", "not_applicable"]
    #expect(outcomes.contains { quiet.contains($0) }, "no case in which \(rule.rawValue) is quiet")
    let fires = outcomes.contains { !quiet.contains($0) && $0 != "unchecked" }
    // What only tells a number never fires.
    #expect(fires || rule == .cost, "no case in which \(rule.rawValue) fires")
    let reads = !rule.definition.inputs.isDisjoint(with: RiskInputs.market.union(.account))
    #expect(
      !reads || outcomes.contains("unchecked") || Self.indifferent.contains(rule),
      "no case in which \(rule.rawValue) lacks what it reads")
  }

  /// What is news against a calm look is looked at again, and nothing else has to be.
  @Test(arguments: RuleCase.all)
  func aRuleReadsWhatItSays(_ one: RuleCase) throws {
    let (scene, batch) = (one.scene, try one.batch())
    var calm = one.start
    // What never changes while a call is held.
    calm.limits = scene.limits
    calm.around.ownLinkIDs = scene.around.ownLinkIDs
    var news = scene.market.news(since: calm.market, at: noon)
    if scene.account != calm.account || scene.hasKey != calm.hasKey { news.insert(.account) }
    if scene.history != calm.history { news.insert(.history) }
    if scene.around != calm.around { news.insert(.process) }
    let context = scene.context(batch)
    #expect(context.assess(again: calm.assess(batch), news) == context.assess())
  }

  @Test func noProposalBlocks() throws {
    for one in RuleCase.all {
      for finding in try one.report().findings where finding.outcome == .block {
        #expect(finding.setBy != .proposal, "\(one.testDescription): \(finding.words)")
      }
    }
  }

  @Test func noFindingIsWorseThanItsRuleSays() throws {
    for one in RuleCase.all {
      for finding in try one.report().findings {
        if case .unchecked = finding.outcome { continue }
        #expect(
          finding.outcome.severity <= finding.rule.definition.ceiling,
          "\(one.testDescription): \(finding.words)")
      }
    }
  }
}

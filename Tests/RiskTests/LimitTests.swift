import Decimals
import Testing

@testable import Risk

/// What each measure comes to in the cases of its rule, against a limit that an administrator puts there.
@Suite struct LimitTests {
  private static let step: ExactDecimal = "0.000001"

  /// A value at its limit is within it, one past it is not; every measure has a case that shows both.
  @Test(arguments: RiskMeasure.allCases)
  func aLimitHoldsExactly(_ measure: RiskMeasure) throws {
    let definition = measure.definition
    var shown = 0
    for one in RuleCase.all where one.rule == definition.rule {
      let strictest: ExactDecimal = definition.firesBelow ? "1000000000000" : Self.step
      for finding in try findings(one, definition, strictest) {
        // An estimate is marked.
        let text = try #require(finding.value).trimmingPrefix("~").prefix { $0 != " " }
        let value = try #require(ExactDecimal(text))
        let milder = try definition.firesBelow ? value + Self.step : value - Self.step
        guard milder.isPositive, value.isPositive else { continue }
        shown += 1
        let found = try [value, milder].map { limit in
          try findings(one, definition, limit).contains { $0.value == finding.value }
        }
        #expect(found == [false, true], "\(one.testDescription): at \(value), and past it")
      }
    }
    #expect(shown > 0, "no case measures \(definition.name)")
  }

  /// The findings of a case that are past the only limit of a measure.
  private func findings(
    _ one: RuleCase, _ measure: MeasureDefinition, _ limit: ExactDecimal
  ) throws -> [Finding] {
    let level = measure.unit == .amount ? "cap" : "warn"
    var scene = one.scene
    scene.set(#"{"limits":{"\#(measure.name)":{"\#(level)":\#(limit)}}}"#)
    return try scene.assess(one.batch()).findings.filter {
      $0.rule == one.rule && $0.setBy == .administrator("all")
        // Half of a cap is a note already.
        && (measure.unit == .amount ? $0.outcome == .block : $0.outcome != .pass)
    }
  }
}

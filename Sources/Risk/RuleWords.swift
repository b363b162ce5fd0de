import Decimals
package import JSON

/// The table of rules as text for people.
extension RuleDefinition {
  /// The table of the documentation: a row for each rule.
  package static var markdown: String {
    let rows = all.map { one in
      let title = one.source.isEmpty ? one.title : "\(one.title) (\(one.source))"
      let cells = [
        "\(one.rule.rawValue) \(title)", one.formula, one.inputs.words, one.limitWords,
        one.ceiling.rawValue.uppercased(),
      ]
      return "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |"
    }
    return
      ([
        "| rule | formula | reads | our proposal for its limits | at most |",
        "|---|---|---|---|---|",
      ]
      + rows).joined(separator: "\n") + "\n"
  }

  /// The proposals of its measures, `A / B / C` where the classes differ.
  package var limitWords: String {
    MeasureDefinition.all.filter { $0.rule == rule }.map { measure in
      let parts = Levels.severities.compactMap { severity, path -> String? in
        let values = measure.proposal.compactMap { $0[keyPath: path]?.normalized.description }
        return values.isEmpty
          ? nil : "\(severity.rawValue) \(values.joined(separator: " / "))"
      }
      let unit = measure.unit == .amount ? "" : measure.unit.suffix
      let sign = measure.firesBelow ? "under" : "over"
      return "`\(measure.name)` \(sign) \(parts.joined(separator: ", "))\(unit)"
    }.joined(separator: "; ")
  }

  package var json: JSONValue {
    .compact([
      "rule": .string(Text(rule.rawValue)), "title": .string(title), "version": .int(rule.version),
      "formula": .string(formula), "inputs": .string(inputs.words),
      "at_most": .string(Text(ceiling.rawValue)), "limits": .string(limitWords),
      "source": source.isEmpty ? nil : .string(source),
    ])
  }
}

extension EffectiveLimits {
  /// One limit as it holds, with who set it.
  package struct Line: Hashable, Sendable {
    package let measure: RiskMeasure
    /// Nil for what is no amount.
    package let currency: Text?
    package let bounds: Bounds
  }

  /// Every limit, in the order of the rules.
  package var lines: [Line] {
    MeasureDefinition.all.flatMap { one -> [Line] in
      guard one.unit == .amount else {
        return [Line(measure: one.measure, currency: nil, bounds: self[one.measure])]
      }
      return currencies(of: one.measure).compactMap { currency in
        bounds(one.measure, in: currency).map {
          Line(measure: one.measure, currency: currency, bounds: $0)
        }
      }
    }
  }
}

extension EffectiveLimits.Line {
  /// `C01.order USDT over note 25000, warn 40000, high 50000: worth of one order; proposal`.
  package var words: String {
    let one = measure.definition
    let set = bounds.rising.compactMap { severity, bound in
      bound.map { "\(severity.rawValue) \($0.value.normalized)" }
    }
    let authors = bounds.rising.compactMap { $0.1?.setBy.text }
      .reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let unit = one.unit == .amount ? "" : one.unit.suffix
    return "\(one.name)\(currency.map { " \($0)" } ?? "") \(one.firesBelow ? "under" : "over") "
      + "\(set.joined(separator: ", "))\(unit): \(one.words); \(authors.joined(separator: ", "))"
  }

  package var json: JSONValue {
    var levels = JSONObject()
    for (severity, bound) in bounds.rising {
      guard let bound else { continue }
      levels[Text(severity.rawValue)] = [
        "value": .string(bound.value.description), "set_by": .string(bound.setBy.text),
      ]
    }
    return .compact([
      "measure": .string(measure.definition.name), "currency": currency.map { .string($0) },
      "unit": .string(Text(measure.definition.unit.rawValue)),
      "words": .string(measure.definition.words), "levels": .object(levels),
    ])
  }
}

extension Finding {
  /// The finding with its rule's formula, numbers, limit and the age of what it read, a line each.
  package var explanation: [String] {
    let definition = rule.definition
    let reason = if case .unchecked(let why) = outcome { " (\(why))" } else { "" }
    let legs = self.legs.map { "#\($0 + 1)" }.joined(separator: " ")
    var lines = [
      "\(outcome.name.uppercased())\(reason) \(rule.rawValue) \(definition.title)"
        + (legs.isEmpty ? "" : "  \(legs)"), "  \(words)", "  formula  \(definition.formula)",
    ]
    if let value {
      let author = setBy.map { " by \($0.text)" } ?? ""
      lines.append("  value    \(value)" + (limit.map { ", limit \($0)\(author)" } ?? ""))
    }
    if !inputs.isEmpty {
      let ages = inputs.map { "\($0.name) \($0.age.words)" }
      lines.append("  from     \(ages.joined(separator: ", "))")
    }
    return lines
  }
}

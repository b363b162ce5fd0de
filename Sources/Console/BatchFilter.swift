import JSON
import OperatorProtocol

/// Which batches of the list are shown. Words must all be found; `agent:`, `sym:`, `state:` and
/// `tool:` look in one place, `sev>=` at the severity.
struct BatchFilter: Hashable, Sendable {
  private enum Term: Hashable, Sendable {
    case word(String)
    case agent(String)
    case symbol(String)
    case state(String)
    case tool(String)
    case atLeast(Severity)
  }

  let text: String
  private let terms: [Term]

  /// Nil when nothing is asked for. Throws words for a term that cannot be read.
  init?(_ text: String) throws(Unreadable) {
    var terms: [Term] = []
    for part in text.split(separator: " ") { terms.append(try Self.term(String(part))) }
    guard !terms.isEmpty else { return nil }
    self.text = text
    self.terms = terms
  }

  struct Unreadable: Error { let words: String }

  private static func term(_ part: String) throws(Unreadable) -> Term {
    let (low, parts) = (part.lowercased(), part.split(separator: ":", maxSplits: 1))
    if low.utf8.starts(with: "sev>=".utf8) {
      let name = low.dropFirst(5)
      guard
        let severity = Severity.allCases.first(where: { Text($0.rawValue) == Text(String(name)) })
      else {
        throw Unreadable(words: "sev>= takes pass, note, warn, unchecked, high or block")
      }
      return .atLeast(severity)
    }
    guard parts.count == 2 else { return .word(low) }
    let value = parts[1].lowercased()
    switch Text(String(parts[0]).lowercased()) {
    case "agent": return .agent(value)
    case "sym", "symbol": return .symbol(value)
    case "state": return .state(value)
    case "tool": return .tool(value)
    default: throw Unreadable(words: "\(parts[0]): is not known; agent:, sym:, state:, tool: are")
    }
  }

  func matches(_ row: BatchSummary) -> Bool {
    terms.allSatisfy { term in
      switch term {
      case .word(let word):
        ([row.id.text, row.agent, row.tool, Text(row.state.rawValue)] + row.symbols
          + row.findings.map(\.rule)).contains { $0.holds(word) }
      case .agent(let name): row.agent.holds(name)
      case .symbol(let name): row.symbols.contains { $0.holds(name) }
      case .state(let name): Text(row.state.rawValue).holds(name)
      case .tool(let name): row.tool.holds(name)
      case .atLeast(let severity): row.severity >= severity
      }
    }
  }
}

extension Text {
  /// Whether the bytes of `lowered` stand somewhere in it, whatever the case of ASCII letters.
  func holds(_ lowered: String) -> Bool {
    let (own, wanted) = (Array(string.lowercased().utf8), Array(lowered.utf8))
    guard !wanted.isEmpty, wanted.count <= own.count else { return wanted.isEmpty }
    return (0...(own.count - wanted.count)).contains { own[$0...].starts(with: wanted) }
  }
}

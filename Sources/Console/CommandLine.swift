import JSON
import OperatorProtocol
import Terminal

/// The line after `:`.
struct CommandLine: Hashable, Sendable {
  /// Bytes of one command.
  static let limit = 500

  var text = ""
  /// Which of the earlier commands is shown; nil for a new one.
  var recalled: Int?
  /// What `Tab` found more than one of.
  var candidates: [String] = []

  /// A command besides those that are keys.
  enum Verb: String, CaseIterable, Sendable {
    case select, resume, freeze, thaw, quit
    case cancelAll = "cancel-all"

    var words: String {
      switch self {
      case .select: "select ID: move the cursor to a batch, by the end of its id"
      case .resume: "resume AGENT: let a paused agent go on"
      case .freeze: "freeze: as the halt key"
      case .thaw: "thaw: asks for the word"
      case .quit: "quit: asks"
      case .cancelAll: "cancel-all: cancel every open order; asks for the word"
      }
    }
  }

  static let names: [String] =
    (Action.allCases.map(\.rawValue) + Verb.allCases.map(\.rawValue)).sorted { Text($0) < Text($1) }

  /// The first word, and the rest.
  var parts: (name: String, rest: String) {
    let trimmed = text.drop { $0 == " " }
    let name = trimmed.prefix { $0 != " " }
    var rest = trimmed.dropFirst(name.count).drop { $0 == " " }
    while rest.last == " " { rest.removeLast() }
    return (String(name), String(rest))
  }

  /// Completes the word at the end from `known`; what they have in common when there are several.
  mutating func complete(from known: [String]) {
    let (name, rest) = parts
    let word = text.contains(" ") ? rest : name
    let found = known.filter { $0.utf8.starts(with: word.utf8) }
    candidates = found.count > 1 ? found : []
    guard let first = found.first else { return }
    let common = found.dropFirst().reduce(first) { Self.common($0, $1) }
    text.unicodeScalars.removeLast(word.unicodeScalars.count)
    text += common + (found.count == 1 ? " " : "")
  }

  private static func common(_ a: String, _ b: String) -> String {
    String(
      String.UnicodeScalarView(
        zip(a.unicodeScalars, b.unicodeScalars).prefix { $0 == $1 }.map(\.0)))
  }
}

extension ConsoleModel {
  mutating func press(_ key: Key, _ line: CommandLine) -> [ConsoleEffect] {
    var line = line
    switch key {
    case .escape, .control("c"):
      prompt = .none
      return []
    case .enter:
      prompt = .none
      return run(line)
    case .tab: line.complete(from: completions(of: line))
    case .backspace:
      guard !line.text.isEmpty else {
        prompt = .none
        return []
      }
      line.text.unicodeScalars.removeLast()
    case .control("u"): line.text = ""
    case .up: recallCommand(&line, by: -1)
    case .down: recallCommand(&line, by: 1)
    case .character(let scalar) where line.text.utf8.count < CommandLine.limit:
      line.text.unicodeScalars.append(scalar)
    default: break
    }
    if key != .tab { line.candidates = [] }
    prompt = .command(line)
    return []
  }

  private func recallCommand(_ line: inout CommandLine, by step: Int) {
    guard !history.isEmpty else { return }
    let at = min(max(0, (line.recalled ?? history.count) + step), history.count)
    line.recalled = at
    line.text = at < history.count ? history[at] : ""
  }

  private func completions(of line: CommandLine) -> [String] {
    guard line.text.contains(" ") else { return CommandLine.names }
    switch Text(line.parts.name) {
    case "pause":
      return Set(agents.map(\.name.string) + queue.rows.values.map(\.agent.string)).sorted()
    case "resume": return status?.paused.map(\.agent.string) ?? []
    case "select", "reject", "approve": return queue.order.map(Self.tail)
    default: return []
    }
  }

  private mutating func run(_ line: CommandLine) -> [ConsoleEffect] {
    let (name, rest) = line.parts
    guard !name.isEmpty else { return [] }
    history = (history.filter { $0 != line.text } + [line.text]).suffix(Self.historyLimit)
    if let verb = CommandLine.Verb.allCases.first(where: { Text($0.rawValue) == Text(name) }) {
      return run(verb, rest)
    }
    guard let action = Action.allCases.first(where: { Text($0.rawValue) == Text(name) }) else {
      say(":\(name) is not known; Tab lists what is", .warn)
      return [.bell]
    }
    return run(action, rest)
  }

  private mutating func run(_ verb: CommandLine.Verb, _ rest: String) -> [ConsoleEffect] {
    switch verb {
    case .select: return select(tail: rest) ? [] : [.bell]
    case .freeze: return status?.frozen == nil ? halt() : refuse(":freeze: already frozen")
    case .thaw: return status?.frozen == nil ? refuse(":thaw: not frozen") : halt()
    case .quit:
      prompt = .quit
      return []
    case .cancelAll: return askToCancel()
    case .resume:
      guard !rest.isEmpty else { return refuse(":resume: of whom?") }
      return pause(Text(rest), wantsPause: false)
    }
  }

  private mutating func run(_ action: Action, _ rest: String) -> [ConsoleEffect] {
    switch (action, rest.isEmpty) {
    case (.filter, false): return setFilter(rest)
    case (.pause, false): return pause(Text(rest), wantsPause: true)
    case (.arm, false), (.reject, false), (.rejectAndPause, false):
      guard select(tail: rest) else { return [.bell] }
      return act(action)
    case (.mark, _), (.open, _): return act(action)
    case (_, false): return refuse(":\(action.rawValue) takes nothing more")
    case (_, true): return act(action)
    }
  }

  private mutating func refuse(_ words: String) -> [ConsoleEffect] {
    say(words, .warn)
    return [.bell]
  }

  /// Moves the cursor to the one batch whose id ends like that.
  private mutating func select(tail: String) -> Bool {
    let wanted = tail.uppercased().split(separator: " ").first.map(String.init) ?? ""
    let found = queue.order.filter { id in
      !wanted.isEmpty && Array(id.text.string.utf8.suffix(wanted.utf8.count)) == Array(wanted.utf8)
    }
    guard found.count == 1, let id = found.first else {
      say(
        found.isEmpty
          ? "no batch of the list ends with \"\(wanted)\"" : "\(found.count) batches end like that",
        .warn)
      return false
    }
    queue.select(id)
    batchScroll = 0
    return true
  }
}

import JSON
import Terminal

/// Asks for a word that must be typed whole before something large is done.
struct WordPrompt: Hashable, Sendable {
  enum Deed: Hashable, Sendable {
    case thaw
    case resume(Text)
    case cancelAll
  }

  struct Choice: Hashable, Sendable {
    var word: String
    var deed: Deed
  }

  var question: String
  var choices: [Choice]
  var typed = ""
  /// What is said when it is left.
  var leaving: String

  /// Takes a letter; false when no word goes on like that.
  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    typed.unicodeScalars.append(scalar)
    return choices.contains { $0.word.utf8.starts(with: typed.utf8) }
  }

  /// What the word that was typed whole stands for.
  var chosen: Deed? { choices.first { $0.word.utf8.elementsEqual(typed.utf8) }?.deed }

  static let thaw = WordPrompt(
    question: "frozen; type thaw and Enter, or cancel and Enter to cancel every open order",
    choices: [Choice(word: "thaw", deed: .thaw), Choice(word: "cancel", deed: .cancelAll)],
    leaving: "still frozen")

  static let cancelAll = WordPrompt(
    question: "every open order of the account is cancelled; type cancel and Enter",
    choices: [Choice(word: "cancel", deed: .cancelAll)], leaving: "nothing was cancelled")

  static func resume(_ agent: Text) -> WordPrompt {
    WordPrompt(
      question: "\(agent) is paused; type resume and Enter",
      choices: [Choice(word: "resume", deed: .resume(agent))], leaving: "\(agent) is still paused")
  }
}

import JSON

/// A command as ArgumentParser describes it, as far as manual pages need it.
struct CommandDescription {
  let name: String
  let abstract: String
  let discussion: String
  let isShown: Bool
  let subcommands: [CommandDescription]
  let arguments: [ArgumentDescription]

  init(_ json: JSONCursor) throws(JSONError) {
    name = try json.member("commandName").string()
    abstract = try json.optional("abstract")?.string() ?? ""
    discussion = try json.optional("discussion")?.string() ?? ""
    isShown = try json.optional("shouldDisplay")?.bool() ?? true
    subcommands = try json.list("subcommands") { one throws(JSONError) in
      try CommandDescription(one)
    }
    arguments = try json.list("arguments") { one throws(JSONError) in
      try ArgumentDescription(one)
    }
  }

  /// The arguments on one line, in roff.
  var usage: String {
    arguments.filter(\.isShown).filter { !$0.isHelp }.map(\.usage).joined(separator: " ")
  }
}

struct ArgumentDescription {
  private enum Kind { case positional, option, flag }

  let isShown: Bool
  private let kind: Kind
  /// With their dashes.
  private let names: [String]
  private let value: String
  private let isOptional: Bool
  private let isRepeating: Bool
  private let standard: String?
  private let allowed: [String]
  private let abstract: String
  private let discussion: String

  init(_ json: JSONCursor) throws(JSONError) {
    isShown = try json.optional("shouldDisplay")?.bool() ?? true
    kind =
      switch try json.member("kind").string() {
      case "positional": .positional
      case "option": .option
      default: .flag
      }
    names = try json.list("names") { one throws(JSONError) in
      let name = try one.member("name").string()
      return try one.member("kind").string() == "long" ? "--\(name)" : "-\(name)"
    }
    value = try json.optional("valueName")?.string() ?? "value"
    isOptional = try json.optional("isOptional")?.bool() ?? false
    isRepeating = try json.optional("isRepeating")?.bool() ?? false
    standard = try json.optional("defaultValue")?.string()
    allowed = try json.list("allValues") { one throws(JSONError) in try one.string() }
    abstract = try json.optional("abstract")?.string() ?? ""
    discussion = try json.optional("discussion")?.string() ?? ""
  }

  var isHelp: Bool { names.contains("--help") || names.contains("--version") }

  private var placeholder: String { #"\fI"# + Roff.code(value) + #"\fR"# }

  /// The names with the value, in roff.
  var label: String {
    if kind == .positional { return placeholder }
    let bold = names.map { #"\fB"# + Roff.code($0) + #"\fR"# }.joined(separator: ", ")
    return kind == .option ? bold + " " + placeholder : bold
  }

  var usage: String {
    var text = kind == .positional ? placeholder : #"\fB"# + Roff.code(names.last ?? "") + #"\fR"#
    if kind == .option { text += " " + placeholder }
    if isRepeating { text += " ..." }
    return isOptional || standard != nil || kind == .flag ? "[\(text)]" : text
  }

  /// What it does, the values that it takes, and what holds without it.
  var words: String {
    var parts = [abstract, discussion]
    if !allowed.isEmpty { parts.append("One of: " + allowed.joined(separator: ", ") + ".") }
    if let standard, kind != .flag { parts.append("Default: \(standard).") }
    return parts.filter { !$0.isEmpty }.joined(separator: " ")
  }
}

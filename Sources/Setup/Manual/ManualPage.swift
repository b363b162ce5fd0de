package import JSON

/// Manual pages in man(7) form, made from the description of the commands that ArgumentParser
/// gives (`--experimental-dump-help`).
package struct ManualPage: Hashable, Sendable {
  /// The file's name, such as `countersign-init.1`.
  package let name: String
  package let text: String

  /// One page for the program and one for each of its commands; inner commands stand on the page of
  /// theirs.
  package static func all(of dump: JSONValue, version: String) throws(JSONError) -> [ManualPage] {
    let root = try CommandDescription(JSONCursor(dump).member("command"))
    let commands = root.subcommands.filter { $0.isShown && $0.name != "help" }
    let others = commands.map { "\(root.name)-\($0.name)" }
    return [page(root, root.name, [], version, others, isRoot: true)]
      + commands.map {
        page(
          $0, "\(root.name)-\($0.name)", [root.name], version, [root.name], isRoot: false)
      }
  }

  private static func page(
    _ command: CommandDescription, _ title: String, _ above: [String], _ version: String,
    _ others: [String], isRoot: Bool
  ) -> ManualPage {
    var roff = Roff()
    roff.request("TH", [title.uppercased(), "1", "", "countersign \(version)", "Countersign"])
    // No hyphens that are not typed, and no holes between words.
    roff.raw(".nh")
    roff.raw(".ad l")
    roff.request("SH", ["NAME"])
    roff.raw(Roff.code(title) + #" \- "# + Roff.text(command.abstract))
    roff.request("SH", ["SYNOPSIS"])
    synopses(command, above, into: &roff)
    roff.request("SH", ["DESCRIPTION"])
    roff.paragraphs(command.abstract)
    roff.paragraphs(command.discussion)
    arguments(command, heading: "OPTIONS", into: &roff)
    inner(command, isRoot: isRoot, above + [command.name], into: &roff)
    roff.request("SH", ["SEE ALSO"])
    roff.raw(
      others.map { #"\fB"# + Roff.code($0) + #"\fR(1)"# }.joined(separator: ",\n"))
    return ManualPage(name: title + ".1", text: roff.output)
  }

  private static func synopses(
    _ command: CommandDescription, _ above: [String], into roff: inout Roff
  ) {
    let words = (above + [command.name]).joined(separator: " ")
    let inner = command.subcommands.filter { $0.isShown && $0.name != "help" }
    guard inner.isEmpty else {
      roff.raw(#"\fB"# + Roff.code(words) + #"\fR \fIcommand\fR [\fIoptions\fR]"#)
      return
    }
    roff.raw(#"\fB"# + Roff.code(words) + #"\fR "# + command.usage)
  }

  private static func arguments(
    _ command: CommandDescription, heading: String?, into roff: inout Roff
  ) {
    let shown = command.arguments.filter(\.isShown)
    guard !shown.isEmpty else { return }
    if let heading { roff.request("SH", [heading]) }
    for argument in shown {
      roff.request("TP")
      roff.raw(argument.label)
      roff.paragraphs(argument.words)
    }
  }

  private static func inner(
    _ command: CommandDescription, isRoot: Bool, _ above: [String], into roff: inout Roff
  ) {
    let commands = command.subcommands.filter { $0.isShown && $0.name != "help" }
    guard !commands.isEmpty else { return }
    roff.request("SH", ["COMMANDS"])
    for one in commands {
      if isRoot {
        roff.request("TP")
        roff.raw(#"\fB"# + Roff.code(one.name) + #"\fR"#)
        roff.paragraphs(one.abstract)
      } else {
        roff.request("SS", [(above + [one.name]).joined(separator: " ")])
        roff.raw(
          #"\fB"# + Roff.code((above + [one.name]).joined(separator: " ")) + #"\fR "# + one.usage)
        roff.request("PP")
        roff.paragraphs(one.abstract)
        roff.paragraphs(one.discussion)
        arguments(one, heading: nil, into: &roff)
      }
    }
  }
}

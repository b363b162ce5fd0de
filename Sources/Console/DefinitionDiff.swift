package import JSON
package import Terminal

/// One line of a difference, safe to draw.
package struct DiffLine: Hashable, Sendable {
  package enum Mark: String, CaseIterable, Sendable {
    case same, removed, added
    /// Stands for lines that are the same on both sides and not shown.
    case skipped
  }

  package var mark: Mark
  package var text: SafeText

  package init(_ mark: Mark, _ text: SafeText) {
    self.mark = mark
    self.text = text
  }
}

/// What differs between two definitions of a tool, line by line.
///
/// Both are laid out as JSON with keys in canonical order, one member or element a line, and texts
/// broken where they are long, so that one changed sentence of a long description is two lines. Lines
/// are compared as bytes before they are made safe: two texts that look the same still differ.
package enum DefinitionDiff {
  /// Scalars of a text on one line.
  private static let width = 120
  /// Lines of both sides together beyond which everything counts as changed.
  private static let comparable = 4_000

  /// - Parameter context: Unchanged lines that are shown around a change; nil shows all.
  package static func lines(
    from old: JSONObject?, to new: JSONObject?, context: Int? = 3
  ) -> [DiffLine] {
    let marked = compare(old.map { layOut($0) } ?? [], new.map { layOut($0) } ?? [])
    guard let context else { return marked.map { DiffLine($0.0, safe($0.1)) } }
    return shorten(marked, context)
  }

  // MARK: Comparing

  private typealias Marked = (mark: DiffLine.Mark, line: Text)

  private static func compare(_ old: [Text], _ new: [Text]) -> [Marked] {
    guard old.count + new.count <= comparable else {
      return old.map { (.removed, $0) } + new.map { (.added, $0) }
    }
    let difference = new.difference(from: old)
    var removed: Set<Int> = []
    var added: Set<Int> = []
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): added.insert(offset)
      }
    }
    var lines: [Marked] = []
    var (left, right) = (0, 0)
    while left < old.count || right < new.count {
      if left < old.count, removed.contains(left) {
        lines.append((.removed, old[left]))
        left += 1
      } else if right < new.count, added.contains(right) {
        lines.append((.added, new[right]))
        right += 1
      } else {
        lines.append((.same, new[right]))
        (left, right) = (left + 1, right + 1)
      }
    }
    return lines
  }

  private static func shorten(_ lines: [Marked], _ context: Int) -> [DiffLine] {
    var isShown = [Bool](repeating: false, count: lines.count)
    for (index, line) in lines.enumerated() where line.mark != .same {
      for near in max(0, index - context)...min(lines.count - 1, index + context) {
        isShown[near] = true
      }
    }
    var result: [DiffLine] = []
    var skipped = 0
    func flush() {
      if skipped > 0 { result.append(DiffLine(.skipped, SafeText(ascii: "\(skipped) lines"))) }
      skipped = 0
    }
    for (index, line) in lines.enumerated() {
      guard isShown[index] else {
        skipped += 1
        continue
      }
      flush()
      result.append(DiffLine(line.mark, safe(line.line)))
    }
    flush()
    return result
  }

  private static func safe(_ line: Text) -> SafeText { SafeText(untrusted: line.string) }

  // MARK: Laying out

  private static func layOut(_ object: JSONObject) -> [Text] {
    var lines: [Text] = []
    add(.object(object), to: &lines, before: "", after: "", indent: "")
    return lines
  }

  private static func add(
    _ value: JSONValue, to lines: inout [Text], before: String, after: String, indent: String
  ) {
    let inner = indent + "  "
    switch value {
    case .object(let object) where !object.isEmpty:
      lines.append(Text(indent + before + "{"))
      let members = object.canonicalMembers
      for (index, member) in members.enumerated() {
        add(
          member.value, to: &lines,
          before: JSONWriter.text(of: .string(member.key)) + ": ",
          after: index < members.count - 1 ? "," : "", indent: inner)
      }
      lines.append(Text(indent + "}" + after))
    case .array(let elements) where !elements.isEmpty:
      lines.append(Text(indent + before + "["))
      for (index, element) in elements.enumerated() {
        add(
          element, to: &lines, before: "", after: index < elements.count - 1 ? "," : "",
          indent: inner)
      }
      lines.append(Text(indent + "]" + after))
    case .string(let text):
      let pieces = pieces(of: text)
      lines.append(Text(indent + before + (pieces.first ?? "")))
      // A quotation mark of a text is always written as \", so no text can look like a member.
      lines += pieces.dropFirst().map { Text(inner + "| " + $0) }
      if let last = lines.popLast() { lines.append(Text(last.string + after)) }
    default: lines.append(Text(indent + before + JSONWriter.text(of: value) + after))
    }
  }

  /// The text as JSON writes it, broken after line breaks and sentences, and where it is too long.
  private static func pieces(of text: Text) -> [String] {
    var pieces: [String] = []
    var piece = String.UnicodeScalarView()
    var last: Unicode.Scalar = " "
    for scalar in text.string.unicodeScalars {
      piece.append(scalar)
      if scalar == "\n" || (scalar == " " && last == ".") || piece.count >= width {
        pieces.append(escaped(piece))
        piece = String.UnicodeScalarView()
      }
      last = scalar
    }
    if !piece.isEmpty || pieces.isEmpty { pieces.append(escaped(piece)) }
    pieces[0] = "\"" + pieces[0]
    pieces[pieces.count - 1] += "\""
    return pieces
  }

  private static func escaped(_ piece: String.UnicodeScalarView) -> String {
    String(
      JSONWriter.text(of: .string(Text(String(piece)))).unicodeScalars.dropFirst().dropLast())
  }
}

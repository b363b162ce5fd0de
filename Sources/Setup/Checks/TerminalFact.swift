/// The terminal in which the console would open.
package struct TerminalFact: Fact, Hashable {
  package static let smallest = (columns: 80, rows: 24)

  /// Nil where there is none.
  package var size: (columns: Int, rows: Int)?
  package var term: String
  /// What the system's description of it says; nil where there is none.
  package var colours: Int?
  package var isUTF8: Bool
  package var asksForNoColour: Bool

  package init(
    size: (columns: Int, rows: Int)?, term: String, colours: Int?, isUTF8: Bool,
    asksForNoColour: Bool
  ) {
    self.size = size
    self.term = term
    self.colours = colours
    self.isUTF8 = isUTF8
    self.asksForNoColour = asksForNoColour
  }

  package static func == (a: TerminalFact, b: TerminalFact) -> Bool {
    a.size?.columns == b.size?.columns && a.size?.rows == b.size?.rows && a.term == b.term
      && a.colours == b.colours && a.isUTF8 == b.isUTF8
      && a.asksForNoColour == b.asksForNoColour
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(term) }

  package func findings(_ commands: Commands) -> [Finding] {
    guard let size else {
      return [
        Finding(.terminal, .unchecked, "this is no terminal; the console needs one")
      ]
    }
    var all: [Finding] = []
    if colours == nil {
      all.append(
        Finding(
          .terminal, .problem,
          term.isEmpty
            ? "TERM is not set" : "TERM is \(term), which this system does not know",
          mend: "set it to what your terminal is", command: "export TERM=xterm-256color"))
    }
    if size.columns < Self.smallest.columns || size.rows < Self.smallest.rows {
      all.append(
        Finding(
          .terminal, .warning,
          "\(size.columns)x\(size.rows) is too small for the console",
          mend: "make it \(Self.smallest.columns)x\(Self.smallest.rows) or larger"))
    }
    if !isUTF8 {
      all.append(
        Finding(
          .terminal, .note, "the locale is not UTF-8; the console takes C.UTF-8 by itself",
          mend: "if lines look broken, set it", command: "export LANG=C.UTF-8"))
    }
    return all.isEmpty ? [good(size)] : all
  }

  private func good(_ size: (columns: Int, rows: Int)) -> Finding {
    let colour = asksForNoColour ? "no colours (NO_COLOR)" : "\(colours ?? 0) colours"
    return Finding(
      .terminal, .ok, "\(term), \(size.columns)x\(size.rows), UTF-8, \(colour)")
  }
}

/// A compiled terminal description (term(5)): only what the checks need.
package enum TerminalDescription {
  private static let maxColours = 13

  /// The number of colours, 0 where it has none; nil for bytes that are no description.
  package static func colours(_ bytes: [UInt8]) -> Int? {
    func short(_ at: Int) -> Int? {
      guard at >= 0, at + 1 < bytes.count else { return nil }
      return Int(bytes[at]) | Int(bytes[at + 1]) << 8
    }
    guard let magic = short(0), magic == 0o432 || magic == 0o1036, let names = short(2),
      let flags = short(4), let numbers = short(6)
    else { return nil }
    let width = magic == 0o432 ? 2 : 4
    let start = (12 + names + flags + 1) & ~1
    guard numbers > maxColours, let low = short(start + maxColours * width) else { return 0 }
    let high = width == 4 ? short(start + maxColours * width + 2) ?? 0 : 0
    let value = low | high << 16
    return value >= (width == 2 ? 0x8000 : 0x8000_0000) ? 0 : value
  }
}

/// Free space where the state is.
package struct DiskFact: Fact, Hashable {
  package static let low = 1 << 30
  package static let least = 100 << 20

  package var path: String
  /// Bytes for this user; nil where it cannot be told.
  package var free: Int?

  package init(path: String, free: Int?) {
    self.path = path
    self.free = free
  }

  package func findings(_ commands: Commands) -> [Finding] {
    guard let free else {
      return [Finding(.disk, .unchecked, "how much space is free at \(path) cannot be told")]
    }
    let verdict: Finding.Verdict =
      free < Self.least ? .problem : free < Self.low ? .warning : .ok
    return [
      Finding(
        .disk, verdict, "\(free >> 20) MiB are free at \(path)",
        mend: verdict == .ok
          ? nil : "make room: without it nothing can be recorded, and then nothing is sent")
    ]
  }
}

package import JSON

/// A regular expression whose matching time is linear in the text, whatever the pattern: the text
/// comes from an agent.
///
/// Knows literals, `.`, classes, `\d \w \s` and their opposites, `^ $`, groups, alternation and
/// repetition. It matches anywhere in the text, scalar by scalar; `^` and `$` are the ends of the
/// text.
package struct TextPattern: Hashable, Sendable {
  package let source: Text
  private let program: [Instruction]

  /// Instructions of one compiled pattern.
  package static let maxInstructions = 1_000
  /// Bytes of text that are searched; longer text is not computable.
  package static let maxTextBytes = 4_096

  enum Instruction: Hashable, Sendable {
    case set(ScalarSet)
    case split(Int, Int)
    case jump(Int)
    case start
    case end
    case match
  }

  /// Throws a sentence that says what is wrong with the pattern.
  package init(_ source: Text) throws(PatternError) {
    var parser = PatternParser(source)
    var compiler = PatternCompiler()
    try compiler.emit(try parser.whole())
    try compiler.append(.match)
    self.source = source
    program = compiler.program
  }

  /// Whether the pattern occurs in `text`. Nil when the text is too long to be searched.
  package func occurs(in text: Text) -> Bool? {
    guard text.count <= Self.maxTextBytes else { return nil }
    let scalars = Array(text.string.unicodeScalars)
    var current = ThreadSet(program.count)
    var next = ThreadSet(program.count)
    for position in 0...scalars.count {
      let place = Place(isStart: position == 0, isEnd: position == scalars.count)
      // A match may begin anywhere, so a new thread starts at each position.
      if add(0, to: &current, place) { return true }
      guard position < scalars.count else { return false }
      let after = Place(isStart: false, isEnd: position + 1 == scalars.count)
      next.removeAll()
      for thread in current.threads {
        guard case .set(let set) = program[thread], set.contains(scalars[position]) else {
          continue
        }
        if add(thread + 1, to: &next, after) { return true }
      }
      swap(&current, &next)
    }
    return false
  }

  private struct Place {
    let isStart: Bool
    let isEnd: Bool
  }

  /// Follows everything that consumes no scalar. True when the program has matched.
  private func add(_ start: Int, to set: inout ThreadSet, _ place: Place) -> Bool {
    var stack = [start]
    while let at = stack.popLast() {
      guard set.visit(at) else { continue }
      switch program[at] {
      case .match: return true
      case .jump(let target): stack.append(target)
      case .split(let a, let b): stack += [b, a]
      case .start: if place.isStart { stack.append(at + 1) }
      case .end: if place.isEnd { stack.append(at + 1) }
      case .set: set.threads.append(at)
      }
    }
    return false
  }
}

/// What is wrong with a pattern.
package struct PatternError: Error, Hashable, Sendable, CustomStringConvertible {
  package let message: String
  package var description: String { message }
}

/// Scalars by ranges.
struct ScalarSet: Hashable, Sendable {
  var ranges: [ClosedRange<UInt32>]
  var isNegated = false

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar.value) } != isNegated
  }

  static func one(_ scalar: Unicode.Scalar) -> ScalarSet {
    ScalarSet(ranges: [scalar.value...scalar.value])
  }
  static let digits = ScalarSet(ranges: [48...57])
  static let word = ScalarSet(ranges: [48...57, 65...90, 95...95, 97...122])
  static let space = ScalarSet(ranges: [9...10, 12...13, 32...32])
  static let anyButNewline = ScalarSet(ranges: [10...10], isNegated: true)
}

private struct ThreadSet {
  var threads: [Int] = []
  private var seen: [Bool]

  init(_ count: Int) { seen = Array(repeating: false, count: count) }

  mutating func visit(_ at: Int) -> Bool {
    guard !seen[at] else { return false }
    seen[at] = true
    return true
  }

  mutating func removeAll() {
    threads.removeAll(keepingCapacity: true)
    for at in seen.indices { seen[at] = false }
  }
}

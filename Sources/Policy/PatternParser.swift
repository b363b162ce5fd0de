import JSON

/// The syntax tree of a pattern.
indirect enum PatternNode {
  case set(ScalarSet)
  case start
  case end
  case sequence([PatternNode])
  case either([PatternNode])
  case repeated(PatternNode, min: Int, max: Int?)
}

/// Reads the text of a pattern; whatever it does not know is an error.
struct PatternParser {
  private let scalars: [Unicode.Scalar]
  private var at = 0
  private var depth = 0

  /// Groups inside each other.
  static let maxDepth = 32
  /// The largest count in `{m,n}`.
  static let maxCount = 200

  init(_ source: Text) { scalars = Array(source.string.unicodeScalars) }

  mutating func whole() throws(PatternError) -> PatternNode {
    let node = try alternatives()
    guard at == scalars.count else { throw PatternError(message: "a \")\" has no \"(\"") }
    return node
  }

  private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard next == scalar else { return false }
    at += 1
    return true
  }

  private mutating func alternatives() throws(PatternError) -> PatternNode {
    var all = [try sequence()]
    while take("|") { all.append(try sequence()) }
    return all.count == 1 ? all[0] : .either(all)
  }

  private mutating func sequence() throws(PatternError) -> PatternNode {
    var nodes: [PatternNode] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      nodes.append(try repetition(of: try atom()))
    }
    return .sequence(nodes)
  }

  private mutating func repetition(of node: PatternNode) throws(PatternError) -> PatternNode {
    let result: PatternNode
    switch next {
    case "*": result = .repeated(node, min: 0, max: nil)
    case "+": result = .repeated(node, min: 1, max: nil)
    case "?": result = .repeated(node, min: 0, max: 1)
    case "{": return try counted(node)
    default: return node
    }
    at += 1
    // Greed changes what is captured, never whether there is a match.
    _ = take("?")
    return try refuseStacking(result)
  }

  private mutating func counted(_ node: PatternNode) throws(PatternError) -> PatternNode {
    at += 1
    guard let low = number() else {
      throw PatternError(message: "a \"{\" needs a count; write \\{")
    }
    var high: Int? = low
    if take(",") { high = number() }
    guard take("}"), low <= high ?? low, max(low, high ?? 0) <= Self.maxCount else {
      throw PatternError(message: "a count is {m}, {m,} or {m,n} up to \(Self.maxCount)")
    }
    _ = take("?")
    return try refuseStacking(.repeated(node, min: low, max: high))
  }

  private func refuseStacking(_ node: PatternNode) throws(PatternError) -> PatternNode {
    guard let next, ["*", "+", "?", "{"].contains(next) else { return node }
    throw PatternError(message: "\"\(next)\" repeats a repetition; use a group")
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let scalar = next, (48...57).contains(scalar.value), (value ?? 0) <= Self.maxCount {
      value = (value ?? 0) * 10 + Int(scalar.value - 48)
      at += 1
    }
    return value
  }

  private mutating func atom() throws(PatternError) -> PatternNode {
    guard let scalar = next else { return .sequence([]) }
    at += 1
    switch scalar {
    case "(": return try group()
    case "[": return .set(try charClass())
    case ".": return .set(.anyButNewline)
    case "^": return .start
    case "$": return .end
    case "\\": return .set(try escape())
    case "*", "+", "?", "{": throw PatternError(message: "\"\(scalar)\" repeats nothing")
    default: return .set(.one(scalar))
    }
  }

  private mutating func group() throws(PatternError) -> PatternNode {
    depth += 1
    guard depth <= Self.maxDepth else {
      throw PatternError(message: "more than \(Self.maxDepth) groups inside each other")
    }
    if take("?"), !take(":") {
      throw PatternError(message: "only (…) and (?:…) are known")
    }
    let node = try alternatives()
    guard take(")") else { throw PatternError(message: "a \"(\" has no \")\"") }
    depth -= 1
    return node
  }

  private mutating func escape() throws(PatternError) -> ScalarSet {
    guard let scalar = next else { throw PatternError(message: "the pattern ends with \"\\\"") }
    at += 1
    switch scalar {
    case "d": return .digits
    case "w": return .word
    case "s": return .space
    case "D": return ScalarSet(ranges: ScalarSet.digits.ranges, isNegated: true)
    case "W": return ScalarSet(ranges: ScalarSet.word.ranges, isNegated: true)
    case "S": return ScalarSet(ranges: ScalarSet.space.ranges, isNegated: true)
    case "n": return .one("\n")
    case "r": return .one("\r")
    case "t": return .one("\t")
    case _ where scalar.properties.isAlphabetic || (48...57).contains(scalar.value):
      throw PatternError(message: "the escape \"\\\(scalar)\" is not known")
    default: return .one(scalar)
    }
  }

  private mutating func charClass() throws(PatternError) -> ScalarSet {
    var set = ScalarSet(ranges: [], isNegated: take("^"))
    var isFirst = true
    while let scalar = next, isFirst || scalar != "]" {
      isFirst = false
      at += 1
      let low = scalar == "\\" ? try escape() : .one(scalar)
      guard next == "-", at + 1 < scalars.count, scalars[at + 1] != "]" else {
        guard !low.isNegated else { throw PatternError(message: "\\D, \\W, \\S stand outside [ ]") }
        set.ranges += low.ranges
        continue
      }
      at += 1
      let last = scalars[at]
      at += 1
      let high = last == "\\" ? try escape() : .one(last)
      guard let from = low.single, let to = high.single, from <= to else {
        throw PatternError(message: "a range in [ ] runs from a lower to a higher character")
      }
      set.ranges.append(from...to)
    }
    guard take("]") else { throw PatternError(message: "a \"[\" has no \"]\"") }
    return set
  }
}

extension ScalarSet {
  fileprivate var single: UInt32? {
    guard !isNegated, ranges.count == 1, ranges[0].count == 1 else { return nil }
    return ranges[0].lowerBound
  }
}

/// Turns the tree into instructions.
struct PatternCompiler {
  private(set) var program: [TextPattern.Instruction] = []

  mutating func append(_ instruction: TextPattern.Instruction) throws(PatternError) {
    guard program.count < TextPattern.maxInstructions else {
      throw PatternError(message: "the pattern is too large; shorten its counts")
    }
    program.append(instruction)
  }

  mutating func emit(_ node: PatternNode) throws(PatternError) {
    switch node {
    case .set(let set): try append(.set(set))
    case .start: try append(.start)
    case .end: try append(.end)
    case .sequence(let nodes): for node in nodes { try emit(node) }
    case .either(let nodes): try emitEither(nodes[...])
    case .repeated(let node, let min, let max): try emitRepeated(node, min, max)
    }
  }

  private mutating func emitEither(_ nodes: ArraySlice<PatternNode>) throws(PatternError) {
    guard let first = nodes.first else { return }
    guard nodes.count > 1 else { return try emit(first) }
    let split = program.count
    try append(.jump(0))
    try emit(first)
    let jump = program.count
    try append(.jump(0))
    program[split] = .split(split + 1, program.count)
    try emitEither(nodes.dropFirst())
    program[jump] = .jump(program.count)
  }

  private mutating func emitRepeated(
    _ node: PatternNode, _ min: Int, _ max: Int?
  ) throws(PatternError) {
    for _ in 0..<min { try emit(node) }
    guard let max else {
      let split = program.count
      try append(.jump(0))
      try emit(node)
      try append(.jump(split))
      program[split] = .split(split + 1, program.count)
      return
    }
    var splits: [Int] = []
    for _ in min..<Swift.max(min, max) {
      splits.append(program.count)
      try append(.jump(0))
      try emit(node)
    }
    for split in splits { program[split] = .split(split + 1, program.count) }
  }
}

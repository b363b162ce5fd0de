import Time

/// The exchange's time: the machine's, off by as much as a test wants, or stepped by tests alone.
struct PaperClock: Sendable {
  /// How a paper exchange gets its time.
  private var stepped: Timestamp?
  /// How far the exchange's time is from the machine's.
  private(set) var offset = Milliseconds.zero
  /// The machine's time when the core was last told anything.
  private(set) var machine = Timestamp(milliseconds: 0)

  init(_ source: PaperConfiguration.Clock) {
    if case .stepped(let start) = source { stepped = start }
  }

  var isStepped: Bool { stepped != nil }

  /// The exchange's time now that the machine's is this.
  mutating func read(_ machine: Timestamp) -> Timestamp {
    self.machine = machine
    return (stepped ?? machine) + offset
  }

  mutating func step(to moment: Timestamp) { stepped = moment - offset }

  mutating func set(offset: Milliseconds) { self.offset = offset }
}

import Simulation
import Testing

/// Worlds by the thousand: each seed is one history of calls, decisions, failures and crashes.
struct SimulationTests {
  static let steps = 60

  /// Runs `seeds`; of the first that goes wrong the end of its story.
  static func firstFailure(_ seeds: Range<UInt64>, _ fault: Fault = .none) -> String? {
    for seed in seeds {
      var world = World(seed: seed, fault: fault)
      world.run(steps: steps)
      if !world.violations.isEmpty { return story(of: seed, fault) }
    }
    return nil
  }

  static func story(of seed: UInt64, _ fault: Fault) -> String {
    var world = World(seed: seed, fault: fault, tells: true)
    world.run(steps: steps)
    let end = world.story.suffix(40).joined(separator: "\n")
    return "seed \(seed)\n\(end)\n\(world.violations.joined(separator: "\n"))"
  }

  /// Ten thousand seeds.
  @Test(arguments: 0..<100)
  func nothingIsLostSentTwiceOrUnsigned(part: UInt64) {
    let failure = Self.firstFailure(part * 100..<(part + 1) * 100)
    if let failure { Issue.record(Comment(rawValue: failure)) }
  }

  /// The invariants are worth something only if they notice a gateway that is wrong.
  @Test(arguments: [Fault.sendsBeforeIntent, .reportsBeforeDurable])
  func aWrongBuildIsCaught(fault: Fault) {
    #expect(Self.firstFailure(0..<Self.enoughForAFault, fault) != nil)
  }

  /// Histories within which a planted fault must have been noticed.
  static let enoughForAFault: UInt64 = 500

  @Test func aSeedReproducesItsHistory() {
    for seed in [3, 77] as [UInt64] {
      var worlds = [World(seed: seed, tells: true), World(seed: seed, tells: true)]
      for at in worlds.indices { worlds[at].run(steps: Self.steps) }
      #expect(worlds[0].story == worlds[1].story)
      #expect(worlds[0].story.count > 50)
    }
  }
}

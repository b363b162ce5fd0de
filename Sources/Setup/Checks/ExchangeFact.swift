/// The exchange as the gateway reads it.
package struct ExchangeFact: Fact, Hashable {
  package enum Outcome: Hashable, Sendable {
    case notConfigured
    /// Its clock minus ours, and how wrong that can be, in milliseconds.
    case reached(offset: Int, error: Int)
    case failed(String)
  }

  /// From here on requests may be refused.
  package static let badOffset = 5_000
  /// From here on it is worth a look.
  package static let largeOffset = 1_000

  package var environment: String
  package var url: String
  package var outcome: Outcome
  /// Whether the gateway runs and therefore misses what does not answer.
  package var isNeeded: Bool

  package init(environment: String, url: String, outcome: Outcome, isNeeded: Bool) {
    self.environment = environment
    self.url = url
    self.outcome = outcome
    self.isNeeded = isNeeded
  }

  package func findings(_ commands: Commands) -> [Finding] {
    switch outcome {
    case .notConfigured:
      [
        Finding(
          .exchange, .warning,
          "the configuration has no exchange: the gateway sees no prices and no orders, says "
            + "ENVIRONMENT UNVERIFIED, and every batch is HIGH",
          mend: "give exchange.rest, exchange.stream and a key that can only read")
      ]
    case .failed(let words): [failed(words, commands)]
    case .reached(let offset, let error): [reached, clock(offset, error)]
    }
  }

  private var reached: Finding {
    environment == "mainnet"
      ? Finding(
        .exchange, .note, "MAINNET at \(url): what you approve moves real money")
      : Finding(.exchange, .ok, "\(environment) at \(url)")
  }

  private func failed(_ words: String, _ commands: Commands) -> Finding {
    guard environment == "paper" else {
      return Finding(
        .exchange, .problem, "\(environment) at \(url) cannot be reached: \(words)",
        mend: "check the network, a proxy or firewall, and exchange.rest")
    }
    return Finding(
      .exchange, isNeeded ? .problem : .note, "no paper exchange answers at \(url)",
      mend: "start it in a terminal of its own", command: commands.naming("paper"))
  }

  private func clock(_ offset: Int, _ error: Int) -> Finding {
    let sure = max(0, abs(offset) - error)
    let words =
      "the exchange's clock is \(abs(offset)) ms \(offset < 0 ? "behind" : "ahead of")"
      + " this machine's, ± \(error) ms"
    let verdict: Finding.Verdict =
      sure >= Self.badOffset ? .problem : sure >= Self.largeOffset ? .warning : .ok
    guard verdict != .ok else { return Finding(.clock, .ok, words) }
    return Finding(
      .clock, verdict, words, mend: "let the system keep its clock right",
      command: "timedatectl set-ntp true")
  }
}

/// Whether the system says that its clock is kept right.
package struct ClockFact: Fact, Hashable {
  /// Nil where it cannot be told.
  package var isSynchronised: Bool?

  package init(isSynchronised: Bool?) { self.isSynchronised = isSynchronised }

  package func findings(_ commands: Commands) -> [Finding] {
    switch isSynchronised {
    case true?: [Finding(.clock, .ok, "the system says that its clock is synchronised")]
    case false?:
      [
        Finding(
          .clock, .warning, "the system says that nothing keeps its clock right",
          mend: "run a time service; in a container the host does, and this may be moot",
          command: "timedatectl set-ntp true")
      ]
    case nil: [Finding(.clock, .unchecked, "the system does not tell whether its clock is right")]
    }
  }
}

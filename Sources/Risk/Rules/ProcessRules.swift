import Decimals
import JSON
import Orders
import Time

/// F: the agent, the gateway and what surrounds the call.
extension RuleDefinition {
  static let process: [RuleDefinition] = [
    .init(
      .newSymbol, "new symbol", "no order of the agent in it was sent before; not on its list",
      .history, .block, source: "RTS 6 Art. 15(5)"
    ) { $0.newSymbols() },
    .init(
      .newKind, "new kind of order",
      "the agent's first inverse, option, spot, borrowing, market, conditional or hedge-mode order",
      .history, .high
    ) { $0.newKinds() },
    .init(
      .budget, "budget of orders", "orders of 24 h + batch", .history, .block,
      source: "RTS 6 Art. 15(1)(d)"
    ) { $0.budgets() },
    .init(
      .streak, "losing streak", "exits of the agent at a loss within 60 min", .history, .block
    ) { $0.streaks() },
    .init(
      .expiry, "time left", "time until the approval expires", .process, .warn
    ) { $0.expiries() },
    .init(
      .textAgainstOrder, "text against order",
      "buy, sell, long, short, open, close or a coin in a link id that the order contradicts",
      .process,
      .high
    ) { $0.textContradictions() },
    .init(
      .hostileText, "hostile text",
      "control, direction, zero-width, tag, private-use characters in the agent's text", .process,
      .high
    ) { $0.hostileTexts() },
    .init(
      .homoglyph, "name like another's",
      "skeleton (0 O, 1 l I, rn m, case) of the agent's name = another's",
      .process, .high
    ) { $0.homoglyphs() },
    .init(
      .environment, "environment",
      "the upstream's account is the one that is read; the agent's own is "
        + "the gateway's", .process, .block
    ) { $0.environments() },
    .init(
      .watch, "order watch", "the private stream is live, no outcome is open", .process, .high
    ) { $0.watches() },
    .init(
      .clock, "clock", "|the exchange's clock − the gateway's|", [.account, .process], .block
    ) { try $0.clocks() },
    .init(
      .approver, "approver",
      "approvals of one person within a minute; the agent's owner does not sign",
      .process, .warn
    ) { $0.approvers() },
    .init(
      .crowd, "crowd", "Σ N of all agents in the symbol and side within 60 s over the order cap",
      [.quote, .history], .high
    ) { $0.crowds() },
    .init(
      .halt, "halt", "active; reducing: only what reduces; halted: nothing", .process, .block
    ) { $0.halts() },
  ]
}

extension RiskContext {
  // MARK: F01, F02, F03, F04

  fileprivate func newSymbols() -> [Finding] {
    let allowed = limits.agents[surroundings.agent]?.symbols
    return each(.newSymbol, "The agent traded each symbol before.") { leg in
      if let allowed, !allowed.contains(leg.symbol) {
        return Finding(
          .newSymbol, .block, leg, "\(leg.symbol) is not among the agent's symbols.",
          value: leg.symbol.string, limit: allowed.map(\.string).sorted().joined(separator: ", "),
          setBy: .administrator("agent \(surroundings.agent)"))
      }
      return history.sentSymbols.contains(leg.symbol)
        ? nil
        : Finding(
          .newSymbol, .warn, leg, "no order of this agent in \(leg.symbol) was sent within 30 days."
        )
    }
  }

  fileprivate func newKinds() -> [Finding] {
    each(.newKind, "The agent sent such orders before.") { leg in
      let new = leg.leg.kinds.subtracting(history.sentKinds)
      guard !new.isEmpty else { return nil }
      let list = new.sorted().joined(separator: ", ")
      return Finding(.newKind, .high, leg, "the agent's first \(list) order.", value: list)
    }
  }

  fileprivate func budgets() -> [Finding] {
    guard let leg = legs.first else { return [] }
    let count = history.day.orders + legs.count
    let words = "\(count) orders of the agent within 24 h."
    let finding =
      measured(.dayOrders, ExactDecimal(count), leg, legs: [], words)
      ?? Finding(.budget, .pass, words, value: "\(count)")
    return [ofDay(finding, leg.limits[.dayOrders], isKnown: history.day.isWhole)]
  }

  fileprivate func streaks() -> [Finding] {
    guard let leg = legs.first else { return [] }
    let count = losingExits(since: now - .minutes(60))
    let words = "\(count) exits of the agent at a loss within an hour."
    return [
      measured(.stops, ExactDecimal(count), leg, legs: [], words)
        ?? Finding(.streak, .pass, words, value: "\(count)")
    ]
  }

  /// Fills that shrank what earlier fills had built, at a price worse than their average.
  private func losingExits(since: Timestamp) -> Int {
    var held: [Text: (size: ExactDecimal, average: ExactDecimal)] = [:]
    var losses = 0
    for fill in history.fills {
      let signed = fill.side == .buy ? fill.qty : -fill.qty
      guard let now = held[fill.symbol], !now.size.isZero else {
        held[fill.symbol] = (signed, fill.price)
        continue
      }
      guard let size = try? now.size + signed else { continue }
      if now.size.isPositive == signed.isPositive {
        let sum = try? (now.size * now.average + signed * fill.price)
          .divided(by: size, scale: 8, rounding: .halfEven)
        held[fill.symbol] = (size, sum ?? now.average)
      } else {
        let loses = now.size.isPositive ? fill.price < now.average : fill.price > now.average
        if loses, fill.at >= since { losses += 1 }
        let turned = size.isPositive != now.size.isPositive && !size.isZero
        held[fill.symbol] = (size, turned ? fill.price : now.average)
      }
    }
    return losses
  }

  // MARK: F05, F06, F07, F08

  fileprivate func expiries() -> [Finding] {
    guard let leg = legs.first, let end = surroundings.expiresAt else { return [] }
    let left = end - now
    return [
      measured(
        .timeLeft, ExactDecimal(max(0, left.count)), leg, legs: [], atMost: .warn,
        "\(left.words) are left to decide.")
        ?? Finding(.expiry, .pass, "There is time to decide.", value: left.words)
    ]
  }

  fileprivate func textContradictions() -> [Finding] {
    each(
      .textAgainstOrder, "No link id says other things than its order.",
      where: .leg { surroundings.ownLinkIDs.contains($0.index) }
    ) { leg in
      guard let words = leg.leg.orderLinkID?.words else { return nil }
      let opposite: Set<String> = leg.isBuy ? ["sell", "short"] : ["buy", "long"]
      let isOpening = words.contains("open") && leg.isClosing
      let base = Coins.base(of: leg.symbol, leg.category).string.lowercased()
      let coins: Set<String> = ["btc", "eth", "sol", "xrp", "doge", "bnb", "ada"]
      let other = words.first { coins.contains($0) && $0 != base }
      // Closing a long is a sell, and may be called by the long's name.
      let wrong = leg.isClosing ? nil : words.first { opposite.contains($0) }
      guard let said = wrong ?? other ?? (isOpening ? "open" : nil) else { return nil }
      return Finding(
        .textAgainstOrder, .high, leg, "its link id says \"\(said)\", the order does not.",
        value: said)
    }
  }

  fileprivate func hostileTexts() -> [Finding] {
    var marks = 0
    var controls = 0
    var symbols = 0
    for scalar in surroundings.texts.flatMap({ Array($0.string.unicodeScalars) }) {
      switch scalar.properties.generalCategory {
      case .control: controls += 1
      case .format
      where (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value):
        controls += 1
      case .format, .privateUse, .unassigned, .surrogate: marks += 1
      case .otherSymbol: symbols += 1
      default: break
      }
    }
    let words =
      "\(controls) control or direction marks, \(marks) invisible ones in the agent's text."
    if controls > 0 {
      return [Finding(.hostileText, .high, words, value: "\(controls)", limit: "0")]
    }
    if marks > 0 || symbols > 5 {
      return [Finding(.hostileText, .warn, words, value: "\(marks + symbols)", limit: "0")]
    }
    return [Finding(.hostileText, .pass, "The agent's text is plain.")]
  }

  fileprivate func homoglyphs() -> [Finding] {
    let mine = surroundings.agent.skeleton
    let twin = surroundings.otherAgents.first { $0 != surroundings.agent && $0.skeleton == mine }
    guard let twin else {
      return [Finding(.homoglyph, .pass, "No other agent is named alike; ids are ASCII by schema.")]
    }
    return [
      Finding(
        .homoglyph, .high, "The agent \(surroundings.agent) is named like \(twin).",
        value: surroundings.agent.string, limit: twin.string)
    ]
  }

  // MARK: F09, F10, F11

  fileprivate func environments() -> [Finding] {
    let name = surroundings.environment
    if let own = limits.agents[surroundings.agent]?.environment, own != name {
      return [
        Finding(
          .environment, .block, "The agent trades on \(own); this is \(name).", value: name.string,
          limit: own.string, setBy: .administrator("agent \(surroundings.agent)"))
      ]
    }
    guard surroundings.isVerified else {
      return [
        Finding(
          .environment, .high,
          "ENVIRONMENT UNVERIFIED: it is not known for which account this trades")
      ]
    }
    return [Finding(.environment, .pass, "The account on \(name) is the one that is read.")]
  }

  fileprivate func watches() -> [Finding] {
    func finding(_ outcome: RiskOutcome, _ words: String) -> [Finding] {
      [Finding(.watch, outcome, words)]
    }
    switch surroundings.feed {
    case .notConfigured:
      return [
        unchecked(
          .watch, [],
          Unchecked(
            .unchecked(RiskOutcome.noAccountKey), "Nobody watches the orders: no key is configured."
          ))
      ]
    case .connecting: return finding(.warn, "The order stream is only connecting.")
    case .stale(let since):
      return finding(.high, "The order stream is down since \((now - since).words).")
    case .polled(let gap):
      return finding(
        .warn, "The orders are read every \(gap.words): what happens in between may be missed.")
    case .live: break
    }
    if surroundings.unknownOutcomes > 0 {
      return finding(
        .warn, "\(surroundings.unknownOutcomes) calls have an outcome that nobody knows yet.")
    }
    if case .known(let account) = account, account.disconnectionProtection == false {
      return finding(.pass, "The order stream is live; disconnection protection is off.")
    }
    return finding(.pass, "The order stream is live.")
  }

  fileprivate func clocks() throws -> [Finding] {
    guard let leg = legs.first else { return [] }
    guard let offset = surroundings.clockOffset else {
      _ = try knownAccount()
      throw Unchecked("the exchange's clock has not been read")
    }
    let words = "The exchange's clock differs by \(offset.count) ms."
    return [
      measured(.clockOffset, ExactDecimal(offset.count).magnitude, leg, legs: [], words)
        ?? Finding(.clock, .pass, words, value: "\(offset.count) ms")
    ]
  }

  // MARK: F12, F13, F14

  fileprivate func approvers() -> [Finding] {
    guard let leg = legs.first else { return [] }
    // Whether they may is the policy's to say.
    if let owner = surroundings.ownerSigned {
      return [
        Finding(.approver, .warn, "\(owner) signed, and owns the agent.", value: owner.string)
      ]
    }
    let minute = surroundings.approvals.filter { now - $0.at <= .seconds(60) }
    let busiest = Dictionary(grouping: minute, by: \.by).max { $0.value.count < $1.value.count }
    guard let busiest,
      let finding = measured(
        .pace, ExactDecimal(busiest.value.count), leg, legs: [], atMost: .warn,
        "\(busiest.key) approved \(busiest.value.count) calls within a minute.")
    else { return [Finding(.approver, .pass, "Nobody approves in haste.")] }
    return [finding]
  }

  fileprivate func crowds() -> [Finding] {
    each(
      .crowd, "No crowd in the same symbol and side.",
      where: .leg { !$0.isClosing && !$0.closesAll }
    ) { leg in
      let crowd = history.others.filter {
        $0.leg.symbol == leg.symbol && $0.leg.side == leg.side && $0.leg.category == leg.category
          && $0.fate != .refused && now - $0.at <= .seconds(60)
      }
      guard !crowd.isEmpty else { return nil }
      var sum = try worth(of: leg)
      for other in crowd { sum = try sum + (other.worth ?? .zero) }
      let currency = try leg.worth.get().currency
      let batches = Set(crowd.map(\.batch)).count
      let words =
        "\(leg.label): \(batches) batches of other agents want the same, \(sum) \(currency) together"
      guard let most = leg.limits.bounds(.orderCap, in: currency).flatMap({ $0.block ?? $0.high })
      else {
        return Finding(.crowd, .note, legs: [leg.index], words + ".", value: "\(sum) \(currency)")
      }
      return Finding(
        .crowd, sum > most.value ? .high : .note, legs: [leg.index], "\(words), of \(most.value).",
        value: "\(sum) \(currency)", limit: "\(most.value) \(currency)", setBy: most.setBy)
    }
  }

  fileprivate func halts() -> [Finding] {
    switch surroundings.halt {
    case .active: [Finding(.halt, .pass, "Nothing is halted.")]
    case .reducing where batch.isReducing: [Finding(.halt, .pass, "It only reduces.")]
    case .reducing, .halted:
      [
        Finding(
          .halt, .block, "\(surroundings.halt.rawValue.uppercased()): \(surroundings.haltWords)",
          setBy: .administrator("freeze"))
      ]
    }
  }
}

extension Text {
  /// What a hurried reader sees: equal for names that look alike. Names are ASCII.
  fileprivate var skeleton: [UInt8] {
    var seen: [UInt8] = []
    for byte in utf8 {
      switch UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte {
      case UInt8(ascii: "0"): seen.append(UInt8(ascii: "o"))
      case UInt8(ascii: "1"), UInt8(ascii: "i"): seen.append(UInt8(ascii: "l"))
      case UInt8(ascii: "5"): seen.append(UInt8(ascii: "s"))
      case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): break
      case UInt8(ascii: "n") where seen.last == UInt8(ascii: "r"):
        seen[seen.count - 1] = UInt8(ascii: "m")
      case UInt8(ascii: "v") where seen.last == UInt8(ascii: "v"):
        seen[seen.count - 1] = UInt8(ascii: "w")
      case let other: seen.append(other)
      }
    }
    return seen
  }
}

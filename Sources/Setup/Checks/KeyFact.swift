package import JSON

/// An exchange key as the exchange describes it.
package struct KeyDescription: Hashable, Sendable {
  package var account: String
  package var canTrade: Bool
  package var canWithdraw: Bool
  /// Whether it works from any address.
  package var isUnbound: Bool

  package init(account: String, canTrade: Bool, canWithdraw: Bool, isUnbound: Bool) {
    self.account = account
    self.canTrade = canTrade
    self.canWithdraw = canWithdraw
    self.isUnbound = isUnbound
  }

  /// The `result` of V5's `query-api`; nil where it names no account.
  package init?(queryAPI result: JSONValue) {
    let number = result["userID"].flatMap { one in
      one.intValue.map { String($0) } ?? one.stringValue
    }
    guard let number, !number.isEmpty, number != "0" else { return nil }
    let mayWrite = result["readOnly"]?.intValue == 0
    let rights = result["permissions"]?.objectValue ?? JSONObject()
    let wallet = rights["Wallet"]?.arrayValue ?? []
    self.init(
      account: number, canTrade: mayWrite,
      canWithdraw: mayWrite && wallet.contains { $0.stringValue == "Withdraw" },
      isUnbound: (result["ips"]?.arrayValue ?? []).contains { $0.stringValue == "*" })
  }
}

/// The gateway's own exchange key, and those that upstreams trade with.
package struct KeyFact: Fact, Hashable {
  package enum Owner: Hashable, Sendable {
    case gateway
    case upstream(String)
  }

  package enum Outcome: Hashable, Sendable {
    case seen(KeyDescription)
    /// The exchange says no.
    case refused(String)
    case unchecked(String)
  }

  package var owner: Owner
  package var outcome: Outcome
  /// The account that the gateway's key reads, to compare an upstream's with.
  package var gatewayAccount: String?
  package var isPaper: Bool

  package init(
    owner: Owner, outcome: Outcome, gatewayAccount: String? = nil, isPaper: Bool = false
  ) {
    self.owner = owner
    self.outcome = outcome
    self.gatewayAccount = gatewayAccount
    self.isPaper = isPaper
  }

  package func findings(_ commands: Commands) -> [Finding] {
    switch outcome {
    case .unchecked(let words): [Finding(.key, .unchecked, "\(name): \(words)")]
    case .refused(let words):
      [
        Finding(
          .key, .problem, "\(name) is refused by the exchange: \(words)",
          mend: "check key and secret, that the key has not expired, and its list of addresses")
      ]
    case .seen(let key): account(key) + rights(key)
    }
  }

  private var name: String {
    switch owner {
    case .gateway: "the gateway's key (exchange.key)"
    case .upstream(let name): "the trading key of \(name)"
    }
  }

  private func account(_ key: KeyDescription) -> [Finding] {
    if owner != .gateway, let gatewayAccount, gatewayAccount != key.account {
      return [
        Finding(
          .key, .problem,
          "\(name) trades account \(key.account), but the gateway reads account "
            + "\(gatewayAccount): everything that is held will be refused",
          mend: "use keys of one account")
      ]
    }
    let bound = key.isUnbound && !isPaper ? "; it works from any address" : ""
    return [Finding(.key, .ok, "\(name) sees account \(key.account)\(bound)")]
  }

  private func rights(_ key: KeyDescription) -> [Finding] {
    switch owner {
    case .gateway where key.canWithdraw:
      [tooMuch("THE GATEWAY'S KEY CAN TRADE AND WITHDRAW. It only needs to read")]
    case .gateway where key.canTrade:
      [tooMuch("THE GATEWAY'S KEY CAN TRADE. It only needs to read")]
    case .gateway: []
    case .upstream where key.canWithdraw:
      [tooMuch("THE TRADING KEY CAN WITHDRAW. No order needs that")]
    case .upstream where !key.canTrade:
      [
        Finding(
          .key, .problem, "\(name) can only read: every order will fail",
          mend: "make a key that may trade and not withdraw, and store it in its place")
      ]
    case .upstream: []
    }
  }

  private func tooMuch(_ words: String) -> Finding {
    Finding(
      .key, .warning, words,
      mend: owner == .gateway
        ? "make a read-only key at the exchange, store it in its place, delete this one"
        : "make a key without the right to withdraw, store it in its place, delete this one")
  }
}

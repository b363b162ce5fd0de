package import Decimals
package import JSON

/// One coin of a wallet, counted in that coin.
package struct CoinSummary: Sendable {
  package let coin: Text
  /// Deposits + realised profit + trades − fees − funding; below zero is borrowed.
  package internal(set) var balance = ExactDecimal.zero
  /// In US dollars.
  package internal(set) var rate = ExactDecimal.zero
  /// Of the account's spot orders.
  package internal(set) var locked = ExactDecimal.zero
  /// What leveraged spot orders would spend.
  package internal(set) var leveraged = ExactDecimal.zero
  package internal(set) var orderMargin = ExactDecimal.zero
  package internal(set) var positionMargin = ExactDecimal.zero
  package internal(set) var maintenanceMargin = ExactDecimal.zero
  /// Of futures.
  package internal(set) var unrealised = ExactDecimal.zero
  package internal(set) var optionValue = ExactDecimal.zero
  package internal(set) var realised = ExactDecimal.zero

  init(_ coin: Text) { self.coin = coin }

  /// balance + unrealised + the value of options.
  package var equity: ExactDecimal { (try? balance + unrealised + optionValue) ?? balance }
  /// equity in US dollars.
  package var usdValue: ExactDecimal { (try? equity * rate) ?? .zero }
  package var borrowed: ExactDecimal { balance.isNegative ? -balance : .zero }
}

/// A wallet with what its positions and orders make of it, US dollars.
package struct WalletSummary: Sendable {
  package let account: AccountID
  package internal(set) var balance = ExactDecimal.zero
  package internal(set) var realised = ExactDecimal.zero
  /// Of futures.
  package internal(set) var unrealised = ExactDecimal.zero
  /// The value of options, short ones negative.
  package internal(set) var optionValue = ExactDecimal.zero
  package internal(set) var positionMargin = ExactDecimal.zero
  package internal(set) var orderMargin = ExactDecimal.zero
  package internal(set) var maintenanceMargin = ExactDecimal.zero
  /// What spot orders hold, and the margin of borrowed coins.
  package internal(set) var held = ExactDecimal.zero
  /// Every coin that was ever held, by name.
  package internal(set) var coins: [CoinSummary] = []

  init(account: AccountID) { self.account = account }

  /// balance + unrealised: what margin is measured against.
  package var marginBalance: ExactDecimal { (try? balance + unrealised) ?? balance }
  /// marginBalance + the value of options.
  package var equity: ExactDecimal { (try? marginBalance + optionValue) ?? marginBalance }
  /// What a new order may still bind; never negative.
  package var available: ExactDecimal { max(.zero, free) }

  /// `available` before it is cut at zero.
  var free: ExactDecimal {
    (try? marginBalance - positionMargin - orderMargin - held) ?? .zero
  }

  mutating func add(_ coin: CoinSummary) throws(DecimalError) {
    let rate = coin.rate
    balance = try balance + coin.balance * rate
    realised = try realised + coin.realised * rate
    unrealised = try unrealised + coin.unrealised * rate
    optionValue = try optionValue + coin.optionValue * rate
    let loan = try Funds.loanMargin(coin.borrowed * rate)
    positionMargin = try positionMargin + coin.positionMargin * rate + loan.initial
    maintenanceMargin = try maintenanceMargin + coin.maintenanceMargin * rate + loan.maintenance
    orderMargin = try orderMargin + coin.orderMargin * rate
    held =
      try held + coin.locked * rate + Funds.loanMargin(coin.leveraged * rate).initial
    coins.append(coin)
  }
}

/// Ratios that every account has.
package enum Funds {
  /// Leverage of borrowed coins.
  package static let spotLeverage: ExactDecimal = 3
  /// Maintenance margin of borrowed coins.
  package static let loanMaintenance: ExactDecimal = "0.04"
  /// Digits of a margin, which is always rounded up.
  package static let marginScale = 8

  /// Margins of a loan in dollars.
  static func loanMargin(
    _ value: ExactDecimal
  ) throws(DecimalError) -> (initial: ExactDecimal, maintenance: ExactDecimal) {
    guard !value.isZero else { return (.zero, .zero) }
    return (
      try value.divided(by: spotLeverage, scale: marginScale, rounding: .up),
      try value * loanMaintenance
    )
  }
}

package import JSON

/// Which coins a symbol is counted in, as far as its spelling tells.
package enum Coins {
  /// Quote coins that end a spot or linear symbol, longest first where one ends another.
  private static let quotes: [Text] = [
    "USDT", "USDC", "USDE", "USD1", "USDQ", "USDR", "EUR", "BRL", "PLN", "TRY", "GBP", "AED",
    "DAI", "MNT", "BTC", "ETH", "SOL", "USD",
  ]

  /// The coin that price × quantity of `symbol` is counted in.
  ///
  /// Linear contracts settle in USDT unless the symbol says USDC (`BTCPERP`, `BTC-26DEC25`);
  /// inverse contracts count US dollars; options are quoted in USDC unless they end in `-USDT`. A
  /// spot symbol with an unknown ending gives `quote of SYMBOL`, so that it is never added to
  /// another coin.
  package static func quote(of symbol: Text, _ category: Category) -> Text {
    let head = Text(symbol.string.prefix { $0 != "-" })
    switch category {
    case .inverse: return "USD"
    case .option: return symbol.ends(with: "-USDT") ? "USDT" : "USDC"
    case .linear:
      let known: [Text] = ["USDT", "USDC"]
      return known.first { head.ends(with: $0) } ?? "USDC"
    case .spot: return quotes.first { head.ends(with: $0) } ?? "quote of \(symbol)"
    }
  }

  /// The coin that the position is counted in: the symbol without its quote coin.
  package static func base(of symbol: Text, _ category: Category) -> Text {
    let head = Text(symbol.string.prefix { $0 != "-" })
    let ending: Text =
      switch category {
      case .inverse: "USD"
      case .option: ""
      case .linear where head.ends(with: "PERP"): "PERP"
      case .linear, .spot: quote(of: symbol, category)
      }
    guard head.ends(with: ending), head.count > ending.count else { return head }
    return Text(head.string.dropLast(ending.count))
  }
}

extension Coins {
  /// The coin that a fee is taken in where the exchange does not say.
  package static func fee(of symbol: Text, _ category: Category, _ side: Side?) -> Text {
    switch category {
    case .inverse: base(of: symbol, .inverse)
    case .spot where side == .buy: base(of: symbol, .spot)
    case .spot, .linear, .option: quote(of: symbol, category)
    }
  }
}

extension Text {
  func ends(with ending: Text) -> Bool { utf8.reversed().starts(with: ending.utf8.reversed()) }
}

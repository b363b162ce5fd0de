import Decimals
import JSON
import OperatorProtocol
import Orders
import Terminal
import Time

extension ConsoleModel {
  /// Prices and positions of the selected batch's symbols, where there is a column for them.
  func drawMarket(_ canvas: inout Canvas, in block: Rect) {
    guard !block.isEmpty else { return }
    canvas.frame.title("market and position", in: block)
    let inside = block.split(top: 1).rest
    let lines = queue.selectedRow.map { marketLines(of: $0, width: inside.width) } ?? []
    let most = canvas.draw(lines, in: inside, from: 0)
    canvas.hidden(above: 0, below: most, in: block)
  }

  /// Three rows a symbol, always: what is not known is `?`, so that nothing moves while it is read.
  func marketLines(of row: BatchSummary, width: Int) -> [TextLine] {
    guard row.isAhead, let content = currentContent(of: row),
      case .orders(let batch, _) = content.body
    else {
      return []
    }
    let category = Text(batch.category.rawValue)
    return (SymbolQuantity.all(of: batch) ?? []).flatMap { quantity in
      MarketLines(
        quantity: quantity, market: market(of: quantity.symbol, category),
        // A spot order moves coins of the wallet, which are no position.
        position: batch.category == .spot ? nil : position(of: quantity.symbol),
        prices: prices.prices(of: quantity.symbol, category, since: row.receivedAt), now: now,
        plot: Plot(glyphs: glyphs), width: width
      ).lines
    }
  }

  func market(of symbol: Text, _ category: Text) -> ExposureView.Market? {
    exposure?.markets.first { $0.symbol == symbol && $0.category == category }
  }

  /// Nil where it is not known.
  func position(of symbol: Text) -> ExactDecimal? {
    guard case .known(let positions, _, _, _)? = exposure?.account else { return nil }
    let sizes = positions.filter { $0.symbol == symbol }.map(\.size)
    return try? sizes.reduce(ExactDecimal.zero) { try $0 + $1 }
  }
}

extension BatchSummary {
  /// Whether it may still be sent. What was sent shows in the positions: it is not to be counted again.
  var isAhead: Bool {
    switch state {
    case .pending, .partlySigned, .cooling, .approved: true
    default: false
    }
  }
}

/// What the market of one symbol looks like beside what the batch wants of it.
struct MarketLines {
  let quantity: SymbolQuantity
  let market: ExposureView.Market?
  let position: ExactDecimal?
  let prices: [ExactDecimal]
  let now: Timestamp
  let plot: Plot
  let width: Int

  var lines: [TextLine] { [price, depth, exposure] }

  /// The price since the proposal, as a plot and as its change in basis points.
  private var price: TextLine {
    let mark = market?.mark ?? market?.last
    var spans = [
      Span(" price "), Span(SafeText(untrusted: quantity.symbol.string), .bold), Span(" "),
      Span(SafeText(untrusted: mark?.description ?? "?"), .bold), Span(" "),
      Span(SafeText(untrusted: ageWords)),
    ]
    let drift = Span(SafeText(untrusted: driftWords), .accent)
    let used = spans.reduce(0) { $0 + $1.text.width } + drift.text.width + 2
    spans += [drift, Span(" "), Span(plot.line(prices, width: min(40, width - used)), .accent)]
    return TextLine(spans)
  }

  private var driftWords: String {
    guard let first = prices.first, let last = prices.last, first.isPositive, prices.count > 1,
      let change = try? ((last - first) * 10_000).divided(by: first, scale: 0, rounding: .halfEven)
    else { return "" }
    return "\(Words.grouped(change, signed: true)) bp"
  }

  /// What lies at the best price of the side that is traded against, and how much of it is wanted.
  private var depth: TextLine {
    var spans = [Span(" best  "), Span(SafeText(untrusted: bookWords))]
    if let share = wantedShare {
      let percent = (try? (share * 100).rescaled(to: 0, rounding: .up))?.description ?? "?"
      spans += [
        Span(" "), Span(plot.bar(share, width: 8), share > 1 ? .warn : .accent),
        Span(SafeText(untrusted: " wants \(percent)%")),
      ]
    }
    return TextLine(spans)
  }

  private var bookWords: String {
    func side(_ price: ExactDecimal?, _ size: ExactDecimal?) -> String {
      "\(price?.description ?? "?")" + (size.map { " x \($0)" } ?? "")
    }
    return "\(side(market?.bid, market?.bidSize)) | \(side(market?.ask, market?.askSize))"
  }

  /// How old price and book are. On the shorter line: the end of a line is what a narrow pane cuts.
  private var ageWords: String {
    market?.asOf.map { "age \(Words.length(now - $0)) " } ?? ""
  }

  /// The larger of what is bought over the best ask's size, and what is sold over the best bid's.
  private var wantedShare: ExactDecimal? {
    let pairs = [(quantity.buy, market?.askSize), (quantity.sell, market?.bidSize)]
    return pairs.compactMap { wanted, there -> ExactDecimal? in
      guard wanted.isPositive, let there, there.isPositive else { return nil }
      return try? wanted.divided(by: there, scale: 4, rounding: .up)
    }
    .max()
  }

  private var exposure: TextLine {
    let net = quantity.net
    let after = position.flatMap { held in net.flatMap { try? held + $0 } }
    let words =
      " holds \(Self.words(position)) now, \(Self.words(after)) after, if all of it fills"
    return TextLine([Span(SafeText(untrusted: words))])
  }

  static func words(_ size: ExactDecimal?) -> String {
    size.map { $0.isZero ? "0" : Words.amount($0, signed: true) } ?? "?"
  }
}

import Decimals
import JSON
import OperatorProtocol
import Orders
import Terminal
import Time

/// The legs of a batch: one table row each, then every other field that will be sent.
struct LegLines {
  let batch: OrderBatch
  let worth: Notional?
  let findings: [FindingView]
  let width: Int

  private static let inTable: Set<Text> = [
    "symbol", "side", "orderType", "qty", "price", "timeInForce",
  ]

  var lines: [TextLine] {
    let cells = batch.legs.map(row)
    let table = columns(for: cells)
    let category = SafeText(untrusted: batch.category.rawValue)
    var all: [TextLine] = []
    if let table {
      var line = TextLine([Span(" ")])
      for column in table {
        let head = SafeText(untrusted: Self.heads[column.index])
        line.spans += [Span(head.padded(to: column.width, align: column.align), .dim), Span("  ")]
      }
      line.spans.removeLast()
      if line.width + category.width + 4 <= width {
        line.spans += [Span("  ("), Span(category, .bold), Span(")")]
      } else {
        all += TextLine.paragraph("category " + category, width: width)
      }
      all.append(line)
    } else {
      all += TextLine.paragraph("category " + category, width: width)
    }
    for (leg, row) in zip(batch.legs, cells) {
      var own = table.map { [tableLine(row, $0)] } ?? TextLine.flow(row, width: width, indent: 4)
      own += TextLine.flow(rest(leg), width: width, first: 4, indent: 4)
      all += own.marked(.leg(leg.number), width: width)
    }
    return all
  }

  // MARK: The table

  private static let heads = [
    "#", "SIDE", "QTY", "SYMBOL", "TYPE", "PRICE", "TIF", "WORTH", "RISK",
  ]
  /// Columns that may be left out, in this order: what is worth is in the sums as well, and a
  /// time in force then stands with the other fields.
  private static let optional = [7]

  private struct Column {
    var index: Int
    var width: Int
    var align: Alignment
  }

  private func row(_ leg: Leg) -> [Span] {
    let side = leg.side == .buy ? Span("BUY", .buy) : Span("SELL", .sell)
    let price = leg["price"].map { SafeText(untrusted: $0.stringValue ?? JSONWriter.text(of: $0)) }
    let isMarket = leg.orderType == .market
    let amount = worth?.legs.first { $0.leg == leg.index }
    let value = amount?.amount.map {
      (amount?.estimated == true ? "~" : "") + Words.amount($0) + " "
        + (amount?.currency.string ?? "")
    }
    let worst = findings.filter { $0.legs.contains(leg.number) }.map(\.severity).max() ?? .pass
    return [
      Span(SafeText(leg.number)), side,
      Span(SafeText(untrusted: "\(leg.qtyText) \(leg.unit)"), .bold),
      Span(SafeText(untrusted: leg.symbol.string), .bold),
      Span(isMarket ? "MARKET" : "Limit", isMarket ? .bold : .normal),
      Span(price ?? "at market", .bold),
      Span(SafeText(untrusted: leg["timeInForce"]?.stringValue ?? "-")),
      Span(SafeText(untrusted: value ?? "?")),
      Span(SafeText(untrusted: worst.shortWord), worst.style),
    ]
  }

  /// The columns that hold every leg whole, or nil where no table fits.
  private func columns(for rows: [[Span]]) -> [Column]? {
    let widths = Self.heads.indices.map { index in
      rows.reduce(Self.heads[index].utf8.count) { max($0, $1[index].text.width) }
    }
    for dropped in [[], Self.optional] {
      let kept = Self.heads.indices.filter { !dropped.contains($0) }
      let total = kept.reduce(1) { $0 + widths[$1] + 2 } - 2
      guard total <= width else { continue }
      return kept.map {
        Column(index: $0, width: widths[$0], align: [2, 5, 7].contains($0) ? .right : .left)
      }
    }
    return nil
  }

  private func tableLine(_ row: [Span], _ columns: [Column]) -> TextLine {
    var line = TextLine([Span(" ")])
    for column in columns {
      let span = row[column.index]
      line.spans += [
        Span(span.text.padded(to: column.width, align: column.align), span.style), Span("  "),
      ]
    }
    line.spans.removeLast()
    return line
  }

  // MARK: Everything else that is sent

  private func rest(_ leg: Leg) -> [Span] {
    var tokens = leg.allFields.filter { !Self.inTable.contains($0.key) }.map { field in
      let isStrong = field.key == "reduceOnly" || field.key == "stopLoss"
      return Span(SafeText(untrusted: "\(field.key) \(field.text)"), isStrong ? .bold : .normal)
    }
    if leg.closesWholePosition { tokens.append(Span("closes the whole position", .bold)) }
    if leg.isConditional { tokens.append(Span("conditional", .note)) }
    return tokens
  }
}

/// Sums over a batch.
struct SumLines {
  let batch: OrderBatch
  let worth: Notional?
  let row: BatchSummary
  let width: Int

  private var isWhole: Bool { worth.map { $0.unvalued.isEmpty } ?? false }

  /// Gross and net, exact where every leg has a price, else as the gateway estimates them.
  var head: [TextLine] {
    guard let worth else {
      return [TextLine(" gross ?  net ?  (a sum has too many digits)", .unchecked)]
    }
    guard isWhole else { return [TextLine.flow(estimate, width: width, indent: 3)].flatMap { $0 } }
    return worth.byCurrency.flatMap { sum in
      TextLine.flow(
        [amount("gross", try? sum.gross(), sum), amount("net", try? sum.net(), sum, signed: true)],
        width: width, indent: 3)
    }
  }

  private func amount(
    _ name: String, _ value: ExactDecimal?, _ sum: NotionalTotals, signed: Bool = false
  ) -> Span {
    guard let value else { return Span(SafeText(untrusted: "\(name) ?"), .unchecked) }
    let mark = sum.estimated ? "~" : ""
    let words = "\(name) \(mark)\(Words.amount(value, signed: signed)) \(sum.currency)"
    return Span(SafeText(untrusted: words), .bold)
  }

  private var estimate: [Span] {
    let count = worth?.unvalued.count ?? batch.legs.count
    var tokens = [told("gross", row.grossNotional, signed: false)]
    tokens.append(told("net", row.netNotional, signed: true))
    let age = (row.grossNotional?.asOf).map { ", price of \($0.clock)Z" } ?? ""
    let legs = Words.count(count, "leg has", "legs have")
    let words = "(\(legs) no price of its own; the gateway's estimate\(age))"
    tokens.append(Span(SafeText(untrusted: words), .dim))
    return tokens
  }

  private func told(_ name: String, _ amount: Amount?, signed: Bool) -> Span {
    guard let amount else { return Span(SafeText(untrusted: "\(name) ?"), .unchecked) }
    let number = Words.amount(amount.amount, signed: signed)
    return Span(SafeText(untrusted: "\(name) ~\(number) \(amount.currency)"), .bold)
  }

  /// Per side and per symbol.
  var rest: [TextLine] {
    var lines: [TextLine] = []
    for sum in worth?.byCurrency ?? [] { lines += sides(sum) }
    if let unvalued = worth?.unvalued, !unvalued.isEmpty {
      let names = unvalued.map { "#\($0.leg + 1)" }.joined(separator: " ")
      lines += TextLine.paragraph(
        SafeText(untrusted: "without a price of their own, not in these sums: \(names)"),
        .unchecked,
        width: width)
    }
    guard let quantities = SymbolQuantity.all(of: batch) else {
      return lines + [TextLine(" quantities: a sum has too many digits", .unchecked)]
    }
    return lines + quantities.flatMap(symbol)
  }

  private func sides(_ sum: NotionalTotals) -> [TextLine] {
    let currency = sum.currency
    let mine = batch.legs.filter { leg in
      worth?.legs.contains { $0.leg == leg.index && $0.currency == currency && $0.amount != nil }
        ?? false
    }
    let (buys, sells) = (mine.count { $0.side == .buy }, mine.count { $0.side == .sell })
    guard buys + sells > 0 else { return [] }
    let mark = sum.estimated ? "~" : ""
    let tokens = [
      Span(
        SafeText(
          untrusted:
            "BUY \(Words.count(buys, "leg", "legs")) \(mark)\(Words.amount(sum.buy)) \(currency)"),
        .buy),
      Span(
        SafeText(
          untrusted:
            "SELL \(Words.count(sells, "leg", "legs")) \(mark)\(Words.amount(sum.sell)) \(currency)"
        ),
        .sell),
    ]
    return TextLine.flow(tokens, width: width, indent: 3)
  }

  private func symbol(_ quantity: SymbolQuantity) -> [TextLine] {
    let unit = quantity.unit
    let net = quantity.net.map { Words.amount($0, signed: true) } ?? "?"
    let tokens = [
      Span(SafeText(untrusted: quantity.symbol.string), .bold),
      Span(SafeText(untrusted: "buy \(Words.amount(quantity.buy)) \(unit)")),
      Span(SafeText(untrusted: "sell \(Words.amount(quantity.sell)) \(unit)")),
      Span(SafeText(untrusted: "net \(net) \(unit)"), .bold),
    ]
    return TextLine.flow(tokens, width: width, indent: 3)
  }
}

import Decimals
import JSON
import OperatorProtocol
import Orders
import Terminal
import Time

extension ConsoleModel {
  /// Positions now, what the selected batch and all that wait would make of them, and the orders
  /// that are open beside.
  func drawExposure(_ canvas: inout Canvas, in block: Rect) {
    let width = block.width
    var lines = accountLines(width)
    let shares = exposureRows
    var table = Table([
      "SYMBOL": .left, "NOW": .right, "BATCH": .right, "AFTER": .right, "MARK": .right,
      "WORTH AFTER": .right, "IF BUYS FILL": .right, "IF SELLS FILL": .right,
      "OPEN ORDERS": .right,
    ])
    table.rows = shares.map(\.cells)
    lines.append(.blank)
    if shares.isEmpty {
      lines.append(TextLine(" no position, and no batch is selected", .dim))
    } else {
      lines += table.lines(width: width)
    }
    lines.append(.blank)
    lines += TextLine.paragraph(
      "NOW as the exchange lists it; AFTER if every leg of the selected batch fills whole. A spot "
        + "order moves coins of the wallet, not a position: it has no AFTER.", .dim, width: width)
    if let row = queue.selectedRow {
      lines.append(.blank)
      lines += marketLines(of: row, width: width)
    }
    let tail =
      queue.selectedRow.map {
        $0.isAhead
          ? " with batch \(Self.tail($0.id))"
          : " (\(Self.tail($0.id)) is \($0.state.words): not counted)"
      } ?? ""
    canvas.page(
      SafeText(untrusted: "exposure" + tail), lines, in: block, from: pageScroll, more: moreKey)
  }

  private func accountLines(_ width: Int) -> [TextLine] {
    if let problem = pageProblems[.exposure] {
      return TextLine.paragraph(SafeText(untrusted: problem), .warn, width: width)
    }
    switch exposure?.account {
    case nil: return [TextLine(" reading ...", .dim)]
    case .notConfigured?:
      return [
        TextLine(" positions UNCHECKED: the gateway has no key to read the account", .unchecked)
      ]
    case .missing(let why)?:
      return TextLine.paragraph(
        SafeText(untrusted: "positions UNCHECKED: \(why)"), .unchecked, width: width)
    case .known(_, _, let equity, let asOf)?:
      let worth = equity.map { "\(Words.amount($0)) USD" } ?? "?"
      return TextLine.flow(
        [
          Span(SafeText(untrusted: "equity \(worth)"), .bold),
          Span(SafeText(untrusted: "read \(Words.length(now - asOf)) ago")),
        ], width: width, indent: 3)
    }
  }

  private struct ExposureRow {
    var cells: [Span]
  }

  private var exposureRows: [ExposureRow] {
    var batch: OrderBatch?
    if let row = queue.selectedRow, row.isAhead, let content = currentContent(of: row),
      case .orders(let own, _) = content.body
    {
      batch = own
    }
    let wanted = batch.flatMap { SymbolQuantity.all(of: $0) } ?? []
    var symbols = wanted.map(\.symbol)
    var counts: [Text: Int] = [:]
    if case .known(let positions, let open, _, _)? = exposure?.account {
      symbols += positions.map(\.symbol).filter { !symbols.contains($0) }
      symbols += open.keys.sorted().filter { !symbols.contains($0) }
      counts = open
    }
    let category = batch?.category ?? .linear
    return symbols.map { symbol in
      row(
        symbol, wanted.first { $0.symbol == symbol }, category,
        openOrders: exposure.map { _ in counts[symbol] ?? 0 })
    }
  }

  private func row(
    _ symbol: Text, _ wanted: SymbolQuantity?, _ category: Orders.Category, openOrders: Int?
  ) -> ExposureRow {
    let held = position(of: symbol)
    func after(_ change: ExactDecimal?) -> ExactDecimal? {
      if wanted == nil { return held }
      if category == .spot { return nil }
      return held.flatMap { held in change.flatMap { try? held + $0 } }
    }
    let seen = market(of: symbol, Text(category.rawValue))
    let mark = seen?.mark ?? seen?.last
    let end = after(wanted?.net)
    // Inverse contracts are counted in dollars already.
    let worth =
      category == .inverse ? end : end.flatMap { end in mark.flatMap { try? end * $0 } }
    func cell(_ text: String?, _ style: Style = .normal) -> Span {
      Span(SafeText(untrusted: text ?? "?"), text == nil ? .unchecked : style)
    }
    let unit = wanted?.unit ?? ""
    return ExposureRow(cells: [
      cell(symbol.string, .bold), cell(held.map { MarketLines.words($0) }),
      cell(wanted.map { "\(MarketLines.words($0.net)) \(unit)" } ?? "-"),
      cell(end.map { MarketLines.words($0) }, .bold), cell(mark?.description),
      cell(
        worth.map { worth in
          let short = (try? worth.rescaled(to: 2, rounding: .halfEven)) ?? worth
          return "~" + Words.grouped(short, signed: true)
        }),
      cell(after(wanted?.buy).map { MarketLines.words($0) }),
      cell(
        after(wanted.flatMap { try? ExactDecimal.zero - $0.sell }).map { MarketLines.words($0) }),
      cell(openOrders.map { String($0) }),
    ])
  }
}

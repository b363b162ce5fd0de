import Decimals
import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// Live orders with their progress, then fills, beside the batch.
  func drawOrders(_ canvas: inout Canvas, in block: Rect) {
    let mine = queue.selected.map { book.legs(of: $0) } ?? []
    let others = book.others(than: queue.selected, most: block.height)
    let title = "orders: \(book.liveCount) live, \(book.fills.count) fills"
    canvas.frame.title(SafeText(untrusted: title), in: block)
    let inside = block.split(top: 1).rest
    // A strip has no room for two lists side by side in time: fills follow only where rows are left.
    let fillRows = inside.height < 8 ? min(1, book.fills.count) : inside.height / 3
    // What does not fit need not be laid out.
    let room = inside.height
    var lines: [TextLine] = []
    for leg in mine where lines.count < room { lines += orderLines(leg, inside.width) }
    if !mine.isEmpty, !others.isEmpty, inside.height > 8 {
      lines.append(TextLine(" other orders", .dim))
    }
    for leg in others where lines.count < room { lines += orderLines(leg, inside.width) }
    if lines.isEmpty { lines = [TextLine(" no orders yet", .dim)] }
    let (bottom, upper) = inside.split(bottom: fillRows)
    let most = canvas.draw(lines, in: upper, from: 0)
    drawFills(&canvas, in: bottom)
    if most > 0 || lines.count >= room {
      let words: SafeText = " more: " + SafeText(untrusted: keymap.label(of: .showOrders)) + " "
      canvas.frame.draw(
        words, at: Point(x: block.right - words.width - 1, y: block.y), style: .key)
    }
  }

  private func drawFills(_ canvas: inout Canvas, in block: Rect) {
    var rows = block
    if block.height > 2 {
      canvas.frame.title("fills", in: block)
      rows = block.split(top: 1).rest
    }
    let lines = book.fills.reversed().prefix(rows.height).flatMap { fillLines($0, rows.width) }
    _ = canvas.draw(lines, in: rows, from: 0)
  }

  /// - Parameter names: Whether a leg of another batch than the selected one names it.
  func orderLines(_ leg: LegView, _ width: Int, names: Bool = true) -> [TextLine] {
    let number =
      leg.origin.map { "\($0.kind) of #\($0.leg)" } ?? (leg.leg > 0 ? "#\(leg.leg)" : "ext")
    let batch =
      names
      ? (leg.batch ?? leg.origin?.batch).flatMap { $0 == queue.selected ? nil : Self.tail($0) }
      : nil
    let price = leg.price.map { "@\($0)" } ?? "market"
    var tokens = [
      Span(SafeText(untrusted: number)), Span(SafeText(untrusted: batch ?? ""), .dim),
      side(leg.side), Span(SafeText(untrusted: leg.symbol.string)),
      Span(bar(leg), leg.status == .filled ? .ok : .accent),
      Span(SafeText(untrusted: "\(leg.filled)/\(leg.quantity)"), .bold),
      Span(SafeText(untrusted: leg.status.words), statusStyle(leg.status)),
      Span(SafeText(untrusted: price)),
    ]
    if let average = leg.averagePrice {
      tokens.append(Span(SafeText(untrusted: "avg \(average)")))
    }
    if let slippage = leg.slippageBps {
      let words = "slip \(Words.grouped(slippage, signed: true)) bp"
      tokens.append(Span(SafeText(untrusted: words), slippage.isPositive ? .warn : .normal))
    }
    if !leg.fees.isZero { tokens.append(Span(SafeText(untrusted: "fees \(leg.fees)"), .dim)) }
    if !leg.words.isEmpty { tokens.append(Span(SafeText(untrusted: leg.words), .warn)) }
    return TextLine.flow(tokens, width: width, indent: 3, gap: 1)
  }

  func fillLines(_ fill: FillView, _ width: Int) -> [TextLine] {
    let tokens = [
      Span(SafeText(untrusted: fill.time.clock), .dim),
      Span(SafeText(untrusted: fill.agent.string)),
      side(fill.side), Span(SafeText(untrusted: fill.quantity.description), .bold),
      Span(SafeText(untrusted: fill.symbol.string)),
      Span(SafeText(untrusted: "@\(fill.price)"), .bold),
      Span(fill.isMaker ? "maker" : "taker", .dim),
      Span(SafeText(untrusted: "fee \(fill.fee)"), .dim),
    ]
    return TextLine.flow(tokens, width: width, indent: 3, gap: 1)
  }

  private func side(_ name: Text) -> Span {
    if name == "Buy" { return Span("BUY", .buy) }
    if name == "Sell" { return Span("SELL", .sell) }
    return Span(SafeText(untrusted: name.string))
  }

  /// Ten cells; a leg that is not filled whole never has all ten.
  private func bar(_ leg: LegView) -> SafeText {
    let tenths: Int
    if leg.quantity.isPositive,
      let part = try? leg.filled.divided(by: leg.quantity, scale: 1, rounding: .down)
    {
      let scaled = (try? part * 10)?.normalized.coefficient ?? 0
      tenths = Int(min(10, max(0, scaled)))
    } else {
      tenths = 0
    }
    return SafeText(
      ascii: "[" + String(repeating: "#", count: tenths)
        + String(repeating: ".", count: 10 - tenths) + "]")
  }

  private func statusStyle(_ status: LegStatus) -> Style {
    switch status {
    case .waiting, .acked: .note
    case .working, .partFilled: .accent
    case .filled, .resolved: .ok
    case .cancelled: .dim
    case .rejected: .warn
    case .unknown: .unchecked
    }
  }
}

extension LegStatus {
  var words: String {
    switch self {
    case .partFilled: "part filled"
    case .unknown: "UNKNOWN"
    default: rawValue
    }
  }
}

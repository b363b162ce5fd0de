import Cryptography
import Decimals
import JSON
import OperatorProtocol
import Orders
import Terminal
import Time

extension ConsoleModel {
  /// The approval panel over the body. It counts as painted only when all of it fits.
  func drawPanel(_ arming: Arming, _ canvas: inout Canvas, in body: Rect) {
    guard arming.stage != .drawing else { return }
    let width = min(body.width, 100)
    guard
      let (lines, groups) = panelLines(for: arming, width: width - 4, room: body.height - 2)
    else { return }
    let height = min(body.height, lines.count + 2)
    let block = Rect(
      x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width: width,
      height: height)
    canvas.frame.fill(block)
    let title: SafeText = arming.batch == nil ? "accept" : "approve"
    let inside = canvas.frame.box(block, title: title, style: arming.severity.style)
      .inset(columns: 1)
    var isWhole = lines.count <= inside.height
    for (index, line) in lines.enumerated() {
      if canvas.frame.draw(line, in: inside, row: index) { isWhole = false }
    }
    canvas.frame.cursor = inside.row(max(0, lines.count - 2))
    // What lies under the panel was not seen.
    canvas.painted.marks = []
    canvas.painted.isPanelCut = !isWhole
    if isWhole { (canvas.painted.panel, canvas.painted.panelGroups) = (arming.serial, groups) }
  }
}

extension ConsoleModel {
  /// The panel's rows for `width` cells, and how many of the groups to accept have stood in it when these
  /// are on the screen; nil when what would be signed has not been read.
  ///
  /// The last two rows say when keys count and which ones; what is signed stands above them.
  func panelLines(
    for arming: Arming, width: Int, room: Int
  ) -> (lines: [TextLine], groups: Int)? {
    var keys = [(SafeText("Esc"), SafeText("back"))]
    if arming.batch != nil {
      keys.append((SafeText(untrusted: keymap.label(of: .reject)), "reject"))
    }
    keys.append((SafeText(untrusted: keymap.label(of: .halt)), "halt"))
    if arming.batch != nil { keys.append((SafeText(untrusted: keymap.label(of: .pause)), "pause")) }
    let tasks = TaskLines(arming: arming, width: width, now: now, keys: keys)
    if case .definition(let acceptance) = arming.subject {
      return (
        AcceptanceLines(acceptance: acceptance, width: width).lines + tasks.lines(room: room).lines,
        0
      )
    }
    guard let row = arming.batch.flatMap({ queue.rows[$0] }), let content = currentContent(of: row)
    else { return nil }
    return PanelView(
      row: row, content: content, members: panelMembers(arming), width: width, now: now,
      isVerified: status?.isEnvironmentVerified ?? false, tasks: tasks
    ).lines(room: room)
  }

  /// What a marked set is made of, in the order in which it is signed; one for a single batch.
  fileprivate func panelMembers(_ arming: Arming) -> [PanelView.Member] {
    arming.members.compactMap { member in
      guard let row = queue.rows[member.batch], let content = currentContent(of: row) else {
        return nil
      }
      return PanelView.Member(row: row, content: content)
    }
  }
}

/// The rows of the approval panel.
struct PanelView {
  let row: BatchSummary
  let content: BatchContent
  let members: [Member]
  let width: Int
  let now: Timestamp
  let isVerified: Bool
  /// What is to be done.
  let tasks: TaskLines

  /// One batch of those that are signed.
  struct Member {
    var row: BatchSummary
    var content: BatchContent
  }

  /// The rows. Where not everything has room, of the legs only the largest are shown, and of the groups
  /// to accept the next ones.
  func lines(room: Int) -> (lines: [TextLine], groups: Int) {
    if members.count > 1 {
      return (SetLines(members: members, width: width).lines + tasks.lines(room: room).lines, 0)
    }
    var above = head + content.legs.flatMap(line) + sums
    if above.count + tasks.height > room { above = head + largest + sums }
    let (lines, groups) = tasks.lines(room: room - above.count)
    return (above + lines, groups)
  }

  private var head: [TextLine] {
    let environment = row.environment.string.uppercased()
    let place = TextLine.flow(
      [
        Span(SafeText(untrusted: environment), .banner),
        Span(isVerified ? "" : "ENVIRONMENT UNVERIFIED", .blocked),
        Span(SafeText(untrusted: "agent \(row.agent)")),
        Span(SafeText(untrusted: "upstream \(row.upstream)")),
        Span(SafeText(untrusted: "TTL \(Words.length(row.expiresAt - now))")),
      ], width: width, first: 0, indent: 0)
    let hex = content.version.digest.hex
    let quarters = [0, 4, 8, 12].map { String(hex.dropFirst($0).prefix(4)) }
    return TextLine.flow(
      [
        Span(SafeText(untrusted: "\(row.id) rev \(row.revision)"), .bold),
        Span(SafeText(untrusted: "sha " + quarters.joined(separator: " "))),
      ], width: width, first: 0, indent: 0) + place
  }

  private func line(_ leg: Leg) -> [TextLine] {
    let price = leg["price"]?.stringValue ?? "at market"
    var tokens = [
      leg.side == .buy ? Span("BUY ", .buy) : Span("SELL", .sell),
      Span(SafeText(untrusted: "\(leg.qtyText) \(leg.unit)"), .bold),
      Span(SafeText(untrusted: leg.symbol.string), .bold),
      Span(leg.orderType == .market ? "MARKET" : "Limit"), Span(SafeText(untrusted: price), .bold),
      Span(SafeText(untrusted: leg["timeInForce"]?.stringValue ?? "")),
    ]
    if leg.reduceOnly { tokens.append(Span("reduce-only", .bold)) }
    for (key, name) in Self.named {
      guard let field = leg.allFields.first(where: { $0.key == key }) else { continue }
      tokens.append(Span(SafeText(untrusted: "\(name) \(field.text)")))
    }
    return TextLine.flow(tokens, width: width, first: 0, indent: 5)
  }

  /// Fields besides the table's that change what an order does, and what the panel calls them.
  private static let named: KeyValuePairs<Text, String> = [
    "stopLoss": "SL", "takeProfit": "TP", "triggerPrice": "trigger", "positionIdx": "idx",
    "closeOnTrigger": "closeOnTrigger", "marketUnit": "unit",
  ]

  private var largest: [TextLine] {
    let legs = content.largestLegs
    guard !legs.isEmpty else { return callLine }
    let more = content.legs.count - legs.count
    let numbers = legs.map { "#\($0.number)" }.joined(separator: " and ")
    let words =
      "the largest, \(numbers); \(Words.count(more, "other leg was", "others were")) shown before"
    return legs.flatMap(line) + [TextLine(SafeText(untrusted: words), .dim)]
  }

  private var callLine: [TextLine] {
    let tool = row.tool
    return [TextLine(SafeText(untrusted: "tool \(tool), with the arguments shown before"))]
  }

  private var sums: [TextLine] {
    guard case .orders(let batch, let worth) = content.body else {
      return content.legs.isEmpty ? callLine : []
    }
    return SumLines(batch: batch, worth: worth, row: row, width: width).head
  }
}

/// What is still to be typed into a panel.
struct TaskLines {
  let arming: Arming
  let width: Int
  let now: Timestamp
  /// Keys that work besides, and what they do.
  let keys: [(key: SafeText, does: SafeText)]

  /// The rows with every group to accept.
  var height: Int { groupLines.reduce(0) { $0 + $1.count } + rest.count }

  /// The rows, with as many groups as fit below those that are accepted, one at the least; and how many
  /// groups have then been shown.
  func lines(room: Int) -> (lines: [TextLine], groups: Int) {
    let groups = groupLines
    let rest = rest
    let spare = room - rest.count
    guard groups.reduce(0, { $0 + $1.count }) > spare, !groups.isEmpty else {
      return (groups.flatMap(\.self) + rest, groups.count)
    }
    let next = min(arming.accepted.count, groups.count - 1)
    var (shown, end) = ([TextLine](), next)
    while end < groups.count, end == next || shown.count + groups[end].count <= spare {
      shown += groups[end]
      end += 1
    }
    // The panel keeps its height while groups go by.
    shown += Array(repeating: .blank, count: max(0, spare - shown.count))
    return (shown + rest, end)
  }

  /// What stands below the groups.
  private var rest: [TextLine] {
    var lines: [TextLine] = []
    if !arming.wanted.isEmpty { lines.append(progress) }
    if !arming.phrase.isEmpty {
      let typed = String(String.UnicodeScalarView(arming.phrase.prefix(arming.phraseTyped)))
      let phrase = String(String.UnicodeScalarView(arming.phrase))
      let mark = arming.task == .phrase ? "> " : arming.task == .code ? "* " : "  "
      lines += TextLine.flow(
        [
          Span(SafeText(untrusted: mark + "type exactly:")),
          Span(SafeText(untrusted: phrase), .bold),
        ], width: width, first: 0, indent: 4, gap: 1)
      lines += TextLine.flow(
        [Span(SafeText(untrusted: typed + "_"), .key)], width: width, first: 4, indent: 4)
    }
    let digits = String(String.UnicodeScalarView(arming.code))
    let mark = arming.task == .code ? "> " : "  "
    let typed = String(repeating: "*", count: arming.codeTyped)
    lines.append(
      TextLine([
        Span(SafeText(untrusted: mark + "type the two digits: ")),
        Span(SafeText(untrusted: digits), Style.bold.reversed),
        Span(SafeText(untrusted: "  " + typed + "_"), .key),
      ]))
    lines.append(waiting)
    let words = keys.map { $0.key + " " + $0.does + "   " }.joined() + "any other key: disarmed"
    return lines + TextLine.paragraph(words, .dim, width: width, indent: 0)
  }

  private var groupLines: [[TextLine]] {
    arming.wanted.enumerated().map { index, group in
      let isDone = index < arming.accepted.count
      let head = "\(index + 1) [\(isDone ? "x" : " ")] \(group.severity.word) \(group.rule)"
      let more = group.findings.count - 1
      var tokens = [
        Span(SafeText(untrusted: head), group.severity.style),
        Span(SafeText(untrusted: group.findings.first?.words ?? "")),
      ]
      if more > 0 { tokens.append(Span(SafeText(untrusted: "+\(more) more of \(group.rule)"))) }
      return TextLine.flow(tokens, width: width, first: 0, indent: 6, gap: 1)
    }
  }

  private var progress: TextLine {
    let (done, all) = (arming.accepted.count, arming.wanted.count)
    var words = "\(done < all ? "> " : "* ")accept each by its number (\(done) of \(all))"
    if done < all { words += ", next \(Arming.digit(of: done))" }
    return TextLine(SafeText(untrusted: words))
  }

  private var waiting: TextLine {
    guard let opens = arming.opensAt else {
      return TextLine("keys open when this has been on the screen for a moment", .note)
    }
    guard now < opens else { return TextLine("keys are open", .ok) }
    let left = opens - now
    let cells = Int(min(15, left.count / 100))
    let bar = String(repeating: "#", count: 15 - cells) + String(repeating: ".", count: cells)
    return TextLine(SafeText(untrusted: "keys open in \(Words.tenths(left)) \(bar)"), .note)
  }
}

/// The batches of a marked set, one line each, and what they come to together.
struct SetLines {
  let members: [PanelView.Member]
  let width: Int

  var lines: [TextLine] {
    let agent = members.first?.row.agent.string ?? "?"
    let environment = members.first?.row.environment.string.uppercased() ?? "?"
    let head = [
      Span(SafeText(untrusted: environment), .banner),
      Span(SafeText(untrusted: "\(members.count) batches of \(agent), one code"), .bold),
    ]
    return TextLine.flow(head, width: width, first: 0, indent: 0) + members.flatMap(line) + sums
  }

  private func line(_ member: PanelView.Member) -> [TextLine] {
    let row = member.row
    let symbols = row.symbols.map(\.string).joined(separator: " ")
    return TextLine.flow(
      [
        Span(SafeText(untrusted: ConsoleModel.tail(row.id)), .bold),
        Span(SafeText(untrusted: "rev \(row.revision) sha \(Words.digest(row.digest.hex))")),
        Span(SafeText(untrusted: Words.count(row.legs, "leg", "legs"))),
        Span(SafeText(untrusted: symbols), .bold),
        Span(SafeText(untrusted: row.grossNotional.map { Self.words($0) } ?? "gross ?")),
      ], width: width, first: 0, indent: 7)
  }

  private static func words(_ amount: Amount) -> String {
    "gross \(amount.estimated ? "~" : "")\(Words.amount(amount.amount)) \(amount.currency)"
  }

  /// By currency; a batch whose worth is not known makes the sum unknown.
  private var sums: [TextLine] {
    let amounts = members.map(\.row.grossNotional)
    guard amounts.allSatisfy({ $0 != nil }) else {
      return [TextLine("together: gross ? (not every batch has a known worth)", .unchecked)]
    }
    let byCurrency = Dictionary(grouping: amounts.compactMap { $0 }, by: \.currency)
    return byCurrency.sorted { $0.key < $1.key }.map { currency, all in
      let sum = try? all.reduce(ExactDecimal.zero) { try $0 + $1.amount }
      let mark = all.contains { $0.estimated } ? "~" : ""
      let words = sum.map { "together: gross \(mark)\(Words.amount($0)) \(currency)" }
      return TextLine(SafeText(untrusted: words ?? "together: gross ?"), .bold)
    }
  }
}

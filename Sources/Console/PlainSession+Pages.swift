import JSON
import OperatorProtocol
import Terminal
import Time

/// What the lines print.
extension PlainSession {
  mutating func list() {
    let rows = model.queue.order.compactMap { model.queue.rows[$0] }
    if rows.isEmpty { return say("Nothing waits.") }
    for row in rows { say(sentence(row)) }
  }

  func sentence(_ row: BatchSummary) -> String {
    let number = numbers[row.id].map { String($0.number) } ?? "?"
    let what =
      row.legs > 0
      ? "\(Words.count(row.legs, "leg", "legs")) \(row.symbols.map(\.string).joined(separator: " "))"
      : "call of \(row.tool)"
    let gross = row.grossNotional.map {
      ", gross \($0.estimated ? "~" : "")\(Words.amount($0.amount)) \($0.currency)"
    }
    let left = row.state.isOpen ? ", expires in \(Words.length(row.expiresAt - model.now))" : ""
    return "\(number): \(row.state.words), \(model.severity(of: row).word), \(row.agent), \(what)"
      + "\(gross ?? "")\(left), \(row.id)."
  }

  // MARK: Pages

  mutating func header() {
    for line in model.picture(size: Size(width: Self.width * 2, height: 24)).frame.picture.prefix(2)
    {
      say(line)
    }
  }

  mutating func show(_ which: String, on screen: ScreenKind, at moment: Timestamp) {
    guard select(which), let id = model.queue.selected, let row = model.queue.rows[id] else {
      return
    }
    awaitedBatches.append(AwaitedBatch(id: id, screen: screen))
    if model.currentContent(of: row) != nil { return printBatch(id, at: moment) }
    // Whatever the link is: what cannot be read is said by its answer.
    model.requested[id] = ContentVersion(revision: row.revision, digest: row.digest)
    want(.fetchDetail(id))
    feed(.tick, at: moment)
  }

  /// Prints what was asked for about a batch whose statement has come: then it has been shown whole.
  mutating func printBatch(_ id: BatchID, at moment: Timestamp) {
    let asked = awaitedBatches.filter { $0.id == id }
    guard !asked.isEmpty else { return }
    awaitedBatches.removeAll { $0.id == id }
    // Lines may have moved the cursor on, or opened a panel, since it was asked for.
    let (cursor, screen) = (model.queue.selected, model.screen)
    model.queue.select(id)
    for one in asked {
      page(one.screen)
      guard one.screen == .batch else { continue }
      feed(.painted(whole(.batch).painted), at: moment)
    }
    if let cursor { model.queue.select(cursor) }
    model.screen = screen
  }

  mutating func ask(_ page: ConsolePage, at moment: Timestamp) {
    guard awaitedPages.insert(page).inserted else { return }
    model.pageAskedAt[page] = moment
    want(.fetchPage(page))
  }

  mutating func drift(_ words: [String], at moment: Timestamp) {
    guard words.count == 3 else { return say("Which? drift UPSTREAM TOOL. tools names them.") }
    let name = ToolName(upstream: Text(words[1]), tool: Text(words[2]))
    awaitedTool = name
    want(.fetchTool(name))
  }

  /// Prints the definition that was asked for: then it has been shown whole.
  mutating func printTool(_ name: ToolName, at moment: Timestamp) {
    guard awaitedTool == name else { return }
    awaitedTool = nil
    model.toolCursor = name
    model.screen = .definition
    page(.definition)
    feed(.painted(whole(.definition).painted), at: moment)
  }

  mutating func audit(at moment: Timestamp) {
    guard model.ledger.entries.isEmpty else { return page(.audit) }
    awaitsLedger = true
    model.ledger.isLoading = true
    let from = max(0, model.ledger.size - ConsoleModel.ledgerPage)
    want(.fetchLedger(from: from, limit: ConsoleModel.ledgerPage))
    want(.fetchCheckpoint)
  }

  private func whole(_ screen: ScreenKind) -> Picture {
    var copy = model
    copy.screen = screen
    copy.prompt = .none
    copy.notice = nil
    (copy.batchScroll, copy.pageScroll, copy.ordersScroll) = (0, 0, 0)
    let short = copy.picture(size: Size(width: Self.width, height: Self.usualRows))
    let extents = short.painted.extents
    let hidden = [
      extents.batchScroll, extents.pageScroll, extents.ordersScroll, extents.auditScroll,
    ]
    if hidden.allSatisfy({ $0 == 0 }) { return short }
    return copy.picture(size: Size(width: Self.width, height: Frame.longestSide))
  }

  /// The rows of a page, without the header, the notice and the keys.
  mutating func page(_ screen: ScreenKind) {
    let rows = whole(screen).frame.picture.dropFirst(2).dropLast(2)
    let last = rows.lastIndex { !$0.isEmpty } ?? rows.startIndex
    for row in rows[...last] where !row.isEmpty { say(row) }
  }
}

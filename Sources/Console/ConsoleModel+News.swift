import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  mutating func signedIn(_ name: Text, _ role: Role) -> [ConsoleEffect] {
    operatorName = name
    self.role = role
    isSignedIn = true
    return disarmIfChanged()
  }

  mutating func linkIsUp() -> [ConsoleEffect] {
    link = .up
    requested = [:]
    requestedOlder = []
    pageAskedAt = [:]
    requestedTool = nil
    ledger.isLoading = false
    return [.fetchAll]
  }

  mutating func linkIsDown(_ why: String) -> [ConsoleEffect] {
    inFlight = [:]
    accepting = nil
    if case .down(let since, _) = link {
      link = .down(since: since, why: why)
    } else {
      link = .down(since: now, why: why)
    }
    return disarm("the connection to the gateway is lost")
  }

  mutating func take(news event: ConsoleEvent) -> [ConsoleEffect] {
    switch event {
    case .queue(let all):
      queue.replace(with: all, isFrozen: isOrderFrozen)
      seen = seen.filter { id, _ in queue.rows[id].map { !$0.state.isSettled } ?? false }
      return disarmIfChanged()
    case .orders(let legs, let fills): book.replace(legs: legs, fills: fills)
    case .feed(let news): return take(feed: news)
    case .detail(let detail): return take(detail)
    case .detailFailed(let id, let why):
      if requestedOlder.contains(id), queue.selected != id { break }
      requested[id] = nil
      // Asked again when the selection or the row changes, not in a loop.
      if let row = queue.rows[id] {
        requested[id] = ContentVersion(revision: row.revision, digest: row.digest)
      }
      say("\(Self.tail(id)) cannot be read: \(why)", .warn)
    case .ledgerPage(let entries, let size): ledger.take(entries, size: size)
    case .checkpoint(let text): ledger.checkpoint = text
    default: break
    }
    return []
  }

  private mutating func take(feed news: OperatorEvent) -> [ConsoleEffect] {
    switch news {
    case .batch(let row): return take(batch: row)
    case .order(let leg): book.take(leg)
    case .fill(let fill): book.take(fill)
    case .status(let status): return take(status: status)
    case .ledger(let entry): ledger.take(entry)
    case .reset: return disarm("events were lost") + [.fetchAll]
    }
    return []
  }

  mutating func take(batch row: BatchSummary) -> [ConsoleEffect] {
    let isArrival = queue.take(row, isFrozen: isOrderFrozen)
    if !row.state.isOpen || row.revision != seen[row.id]?.version.revision {
      if row.state.isSettled { seen[row.id] = nil }
    }
    if inFlight[row.id] != nil, row.state.isSettled || row.state == .cooling {
      inFlight[row.id] = nil
    }
    dropMarks()
    let effects = disarmIfChanged()
    return isArrival && row.severity >= .high ? effects + ring() : effects
  }

  mutating func take(status: StatusView) -> [ConsoleEffect] {
    self.status = status
    ledger.know(size: status.ledgerSize)
    return disarmIfChanged()
  }

  private mutating func take(_ detail: BatchDetail) -> [ConsoleEffect] {
    let content = BatchContent(detail)
    contents[content.id] = content
    contentOrder.removeAll { $0 == content.id }
    contentOrder.append(content.id)
    forgetContents()
    for leg in detail.legStates { book.take(leg) }
    var effects = take(batch: detail.summary)
    if content.problem != nil { effects.append(.bell) }
    return effects + disarmIfChanged()
  }

  /// The oldest statements go, but not those that are marked or that the selected batch follows.
  private mutating func forgetContents() {
    let kept = Set(marked + [queue.selected, queue.selectedRow?.supersedes].compactMap { $0 })
    let spare = contentOrder.filter { !kept.contains($0) }
    for id in spare.prefix(max(0, contentOrder.count - Self.contentLimit)) {
      contents[id] = nil
      contentOrder.removeAll { $0 == id }
    }
  }

  /// One bell for the first bad arrival of a quiet minute.
  private mutating func ring() -> [ConsoleEffect] {
    guard lastBellAt.map({ now - $0 >= Self.bellGap }) ?? true else { return [] }
    lastBellAt = now
    let open = queue.open
    return [
      .bell, .notify(waiting: open.count, high: open.count { severity(of: $0) >= .high }),
    ]
  }
}

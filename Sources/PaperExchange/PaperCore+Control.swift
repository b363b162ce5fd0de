import Decimals
import Exchange
import JSON
import Time

/// The paths under `/paper/`: control of the exchange itself, without a key.
extension PaperCore {
  mutating func control(_ request: RestRequest, at now: Timestamp) -> RestAnswer {
    do {
      let query = try Query(request.query)
      switch "\(request.method) \(request.path)" {
      case "GET /paper/log":
        let text = log.lines.map { $0 + "\n" }.joined()
        return RestAnswer(contentType: "application/x-ndjson", body: Array(text.utf8))
      case "GET /paper/faults":
        return RestAnswer(body: JSONWriter.bytes(of: .array(faults.rows)))
      case "POST /paper/fault": try armed(FaultRule(query.values))
      case "POST /paper/faults":
        for rule in try FaultRule.rules(try json(request)) { try armed(rule) }
      case "DELETE /paper/faults": disarm()
      case "POST /paper/step":
        for _ in 0..<(try query.int("count", in: 1...10_000, default: 1)) { tick(at: now) }
      case "POST /paper/advance": try advance(query, at: now)
      case "POST /paper/quote": try move(to: point(query), at: now)
      case "POST /paper/model": try follow(query, at: now)
      default: return notFound(request, at: now)
      }
      return RestAnswer(contentType: "text/plain", body: Array("ok\n".utf8))
    } catch {
      var answer = envelope(Outcome(error), at: now)
      answer.status = 400
      return answer
    }
  }

  private func market(_ query: Query) throws -> MarketID {
    let category = query["category"] == nil ? .linear : try query.category()
    return MarketID(category, try query.required("symbol"))
  }

  private func point(_ query: Query) throws -> PricePoint {
    func price(_ key: Text) throws -> ExactDecimal? {
      guard let text = query[key] else { return nil }
      guard let price = ExactDecimal(text.string) else { throw Refusal.price }
      return price
    }
    guard let middle = try price("middle") else { throw Refusal.price }
    return PricePoint(
      try market(query), middle: middle, mark: try price("mark"), index: try price("index"))
  }

  /// Lets a market, or every market, follow one of the named models.
  private mutating func follow(_ query: Query, at now: Timestamp) throws {
    let name = try query.required("model")
    guard let plan = PricePlan(rawValue: name.string) else {
      throw Refusal.parameter("params error: model is not known")
    }
    let only = query["symbol"] == nil ? nil : try market(query)
    for listing in venue.configuration.listings
    where only == nil || listing.instrument.id == only {
      try submit(.model(listing.instrument.id, plan.model(listing.maker)), at: now)
    }
  }

  private mutating func armed(_ rule: FaultRule) throws {
    guard rule.kind == .clockOffset || faults.armed.count < FaultPlan.limit else {
      throw Refusal.parameter(
        "params error: \(FaultPlan.limit.description) faults are armed; DELETE /paper/faults")
    }
    arm(rule)
  }

  /// Lets time pass on a stepped clock: the market moves and what waits comes when it is due.
  private mutating func advance(_ query: Query, at now: Timestamp) throws {
    guard clock.isStepped else {
      throw Refusal.parameter("params error: time passes by itself; start with --clock manual")
    }
    guard let length = Milliseconds(parsing: try query.required("by").string),
      length <= .minutes(10)
    else {
      throw Refusal.parameter("params error: by must be a length up to 10m, such as 250ms or 2s")
    }
    let end = now + length
    var moment = now
    while let next = [nextTick(after: moment), agenda.nextDue].compactMap({ $0 }).min(), next <= end
    {
      let isTick = nextTick(after: moment) == next
      moment = max(moment, next)
      clock.step(to: moment)
      if isTick { tick(at: moment) }
      flush(at: moment)
    }
    clock.step(to: end)
  }

  /// Ticks come at whole multiples of their distance, however time is cut into steps.
  private func nextTick(after moment: Timestamp) -> Timestamp? {
    guard let every = configuration.tick?.count else { return nil }
    return Timestamp(milliseconds: (moment.milliseconds / every + 1) * every)
  }
}

import Exchange
import JSON
import Time

/// What requests do with orders, the same for both transports.
extension PaperCore {
  mutating func perform(
    _ operation: OrderOperation, _ body: JSONCursor, _ key: PaperKey, at now: Timestamp
  ) -> Outcome {
    guard key.canTrade else { return Outcome(.permission) }
    do {
      let category = try OrderBody.category(body)
      if let ofLeg = operation.ofLeg {
        return try batch(operation, ofLeg, body, category, at: now)
      }
      return within(operation.bucket(category), configuration.rates.orders(category), at: now) {
        core in
        if operation == .cancelAll { return try core.cancelAll(body, at: now) }
        return Outcome(result: Self.ids(try core.carryOut(operation, body, category, at: now)))
      }
    } catch {
      return Outcome(error)
    }
  }

  /// One create, amend or cancel, by itself or as a leg.
  private mutating func carryOut(
    _ operation: OrderOperation, _ body: JSONCursor, _ category: Category, at now: Timestamp
  ) throws -> Order {
    let account = configuration.account
    let event: ExchangeEvent
    switch operation {
    case .amend: event = .amend(try OrderBody.amend(body, category), by: account)
    case .cancel: event = .cancel(try OrderBody.name(body, category), by: account)
    default: event = .place(try OrderBody.order(body, category), by: account)
    }
    guard case .accepted(let order) = try submit(event, at: now) else { throw Refusal.server }
    return order
  }

  private mutating func cancelAll(_ body: JSONCursor, at now: Timestamp) throws -> Outcome {
    let request = try OrderBody.cancelAll(body)
    guard
      case .cancelled(let orders) = try submit(
        .cancelAll(request, by: configuration.account), at: now)
    else { throw Refusal.server }
    return Outcome(result: ["list": .array(orders.map(Self.ids)), "success": "1"])
  }

  /// Each leg succeeds or fails on its own. Legs past the rest of this second's budget fail with
  /// 10006, the first ones do not. A batch of options costs one unit whatever its length.
  private mutating func batch(
    _ operation: OrderOperation, _ ofLeg: OrderOperation, _ body: JSONCursor,
    _ category: Category, at now: Timestamp
  ) throws -> Outcome {
    let legs = try body.member("request").elements()
    let most = PaperLimits.batch(category)
    guard (1...most).contains(legs.count) else {
      throw Refusal.parameter("params error: request takes 1 to \(most.description) orders")
    }
    let wanted = category == .option ? 1 : legs.count
    let (units, left) = budgets.take(
      wanted, of: configuration.rates.orders(category), from: operation.bucket(category), at: now)
    let granted = units == wanted ? legs.count : units
    let fault = fault(.legs, [operation.name], at: now)
    var outcome = Outcome(result: .null)
    outcome.budget = left
    var list: [JSONValue] = []
    var codes: [JSONValue] = []
    for (place, leg) in legs.enumerated() {
      var failure = place < granted ? fault?.failure(ofLeg: place + 1) : .rate
      var order: Order?
      if failure == nil {
        do { order = try carryOut(ofLeg, leg, category, at: now) } catch {
          failure = Refusal(anyError: error)
        }
      }
      list.append(Self.leg(leg, category, order, operation))
      codes.append([
        "code": .int(failure?.code ?? 0), "msg": .string(failure?.message ?? "OK"),
      ])
      outcome.legs.append(failure?.code ?? 0)
    }
    outcome.result = ["list": .array(list)]
    outcome.extra = ["list": .array(codes)]
    return outcome
  }

  /// Runs `body` if this second's budget has a unit left.
  mutating func within(
    _ bucket: Text, _ limit: Int, at now: Timestamp,
    _ body: (inout PaperCore) throws -> Outcome
  ) -> Outcome {
    let (granted, left) = budgets.take(1, of: limit, from: bucket, at: now)
    var outcome = Outcome(.rate)
    if granted == 1 {
      do { outcome = try body(&self) } catch { outcome = Outcome(error) }
    }
    outcome.budget = left
    return outcome
  }

  private static func ids(_ order: Order) -> JSONValue {
    ["orderId": .string(order.id), "orderLinkId": .string(order.linkID)]
  }

  /// What a batch says of one leg. A failed one has no order id.
  private static func leg(
    _ leg: JSONCursor, _ category: Category, _ order: Order?, _ operation: OrderOperation
  ) -> JSONValue {
    func given(_ key: Text) -> String { leg.value[key]?.stringValue ?? "" }
    var row = JSONObject(strings: [
      ("category", category.rawValue), ("symbol", given("symbol")),
      ("orderId", order?.id.string ?? ""),
      ("orderLinkId", order?.linkID.string ?? given("orderLinkId")),
    ])
    if operation == .createBatch { row["createAt"] = .string(order?.createdAt.text ?? "") }
    return .object(row)
  }
}

extension FaultRule {
  /// What the leg with this number, 1 being the first, fails with; nil: nothing on purpose.
  fileprivate func failure(ofLeg number: Int) -> Refusal? {
    let fails = kind == .failTail ? number >= leg : number == leg
    return fails ? .fault(code) : nil
  }
}

import Exchange
import JSON
import Time

/// REST: where a request goes, what faults make of it, its envelope and its record.
extension PaperCore {
  /// Answers one request. Business errors are HTTP 200 with their code in the envelope.
  mutating func answer(_ request: RestRequest, at now: Timestamp) -> RestAnswer {
    defer { settle(at: now) }
    if request.path.hasPrefix("/paper/") { return control(request, at: now) }
    guard let route = RestRoutes.all["\(request.method) \(request.path)"] else {
      return notFound(request, at: now)
    }
    let names = (route.operation.map { [$0.name] } ?? []) + [Text(request.path)]
    let fault = fault(.answer, names, at: now)
    if let answer = instead(of: request, fault, at: now) { return answer }
    let early = self.fault(.order, names, at: now)
    isEager = early != nil
    var answer = answer(request, by: route, fault, at: now)
    isEager = false
    if early != nil { flush(at: now) }
    return deliver(&answer, to: request.connection, fault ?? early, at: now)
  }

  private mutating func answer(
    _ request: RestRequest, by route: RestRoute, _ fault: FaultRule?, at now: Timestamp
  ) -> RestAnswer {
    var outcome: Outcome
    var key: PaperKey?
    do {
      if case .open(let body) = route {
        outcome = Outcome(result: try body(self, Query(request.query), now))
      } else {
        let signer = try authenticate(request, at: now)
        key = signer
        outcome = try answer(request, by: route, signer, at: now)
      }
    } catch {
      outcome = Outcome(error)
    }
    if fault?.kind == .errorAfterPlacing, let fault { outcome.fail(.fault(fault.code)) }
    note(request, key, outcome, at: now)
    if fault?.kind == .httpErrorAfterPlacing, let fault { return .failure(fault.status) }
    var answer = envelope(outcome, at: now)
    let isUnsigned = key == nil && request.headers["x-bapi-api-key"] == nil
    if isUnsigned, route.needsKey { answer.status = 401 }
    return answer
  }

  private mutating func answer(
    _ request: RestRequest, by route: RestRoute, _ key: PaperKey, at now: Timestamp
  ) throws -> Outcome {
    let rates = configuration.rates
    switch route {
    case .open(let body): return Outcome(result: try body(self, Query(request.query), now))
    case .signed(let body):
      return within("read", rates.reads, at: now) {
        Outcome(result: try body($0, Query(request.query), key))
      }
    case .asked(let body):
      return within("read", rates.reads, at: now) {
        Outcome(result: try body($0, try $0.json(request), now))
      }
    case .order(let operation): return perform(operation, try json(request), key, at: now)
    case .setting(let body):
      guard key.canTrade else { throw Refusal.permission }
      return within(Text(request.path), rates.settings, at: now) {
        let json = try $0.json(request)
        return Outcome(result: try body(&$0, json, now))
      }
    }
  }

  func json(_ request: RestRequest) throws(JSONError) -> JSONCursor {
    JSONCursor(try JSONParser.parse(request.body, limits: configuration.limits.json))
  }

  // MARK: Faults

  /// The answer of a request that a fault keeps from being carried out.
  private mutating func instead(
    of request: RestRequest, _ fault: FaultRule?, at now: Timestamp
  ) -> RestAnswer? {
    guard let fault else { return nil }
    let outcome = Outcome(.fault(fault.code))
    var answer: RestAnswer
    switch fault.kind {
    case .errorBeforePlacing: answer = envelope(outcome, at: now)
    case .httpError: answer = .failure(fault.status)
    case .dropRequest, .closeBeforePlacing:
      answer = RestAnswer(body: [])
      answer.delivery = fault.kind == .dropRequest ? .withhold : .close
    default: return nil
    }
    note(request, nil, outcome, at: now)
    return answer
  }

  private mutating func deliver(
    _ answer: inout RestAnswer, to id: ConnectionID, _ fault: FaultRule?, at now: Timestamp
  ) -> RestAnswer {
    switch fault?.kind {
    case .dropAnswer: answer.delivery = .withhold
    case .closeConnection: answer.delivery = .close
    case .delayAnswer, .eventsFirst:
      schedule(.answer(id, answer), due: now + (fault?.delay ?? .zero), at: now)
      answer.delivery = .later
    default: break
    }
    return answer
  }

  // MARK: Answers

  func envelope(_ outcome: Outcome, at now: Timestamp) -> RestAnswer {
    let body: JSONValue = [
      "retCode": .int(outcome.code), "retMsg": .string(outcome.message),
      "result": outcome.result, "retExtInfo": outcome.extra, "time": .int(now.milliseconds),
    ]
    return RestAnswer(
      headers: outcome.budgetHeaders() + [("Timenow", now.text)],
      body: JSONWriter.bytes(of: body))
  }

  mutating func notFound(_ request: RestRequest, at now: Timestamp) -> RestAnswer {
    let outcome = Outcome(Refusal(404, "no such path"))
    note(request, nil, outcome, at: now)
    return RestAnswer(
      status: 404, contentType: "text/plain", body: Array("404 page not found\n".utf8))
  }

  private mutating func note(
    _ request: RestRequest, _ key: PaperKey?, _ outcome: Outcome, at now: Timestamp
  ) {
    let result = request.method == "POST" ? outcome.result : .null
    record(
      [
        "kind": "request", "transport": "rest", "connection": .int(request.connection.number),
        "key": .string(key?.key ?? ""), "method": .string(request.method),
        "path": .string(request.path), "query": .string(request.query),
        "body": .string(String(decoding: request.body, as: UTF8.self)),
        "code": .int(outcome.code), "message": .string(outcome.message),
        "legs": .array(outcome.legs.map { .int($0) }), "result": result,
      ], at: now)
  }
}

extension RestAnswer {
  /// What a proxy in front of the exchange says when it has no answer of the exchange's.
  static func failure(_ status: Int) -> RestAnswer {
    RestAnswer(
      status: status, contentType: "text/html",
      body: Array("<html><body><h1>\(status)</h1></body></html>\n".utf8))
  }
}

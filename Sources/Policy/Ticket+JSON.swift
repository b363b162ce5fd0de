import Decimals
package import JSON
import Time

extension Counters.Ticket: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "agent": .string(agent), "claims": .array(claims.map(\.json)),
      "gone_at": goneAt.map { .int($0.milliseconds) },
      "unknown": phase == goneAt.map(Phase.unknown) ? true : nil,
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["agent", "claims", "gone_at", "unknown"])
    agent = try json.member("agent").text()
    claims = try json.list("claims") { one throws(JSONError) in try Limit.Claim(json: one) }
    guard let at = try json.optional("gone_at")?.int() else { return }
    let moment = Timestamp(milliseconds: Int64(at))
    let isUnknown = try json.optional("unknown")?.bool() ?? false
    phase = isUnknown ? .unknown(moment) : .gone(moment)
  }
}

extension Limit.Claim: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "counter": .string(key.counter), "window_ms": key.span.window.map { .int($0.count) },
      "scope": .strings(key.scope.map(\.rawValue)), "of": .array(key.values.map { .string($0) }),
      "amount": .decimal(amount), "call": isCall ? true : nil,
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["counter", "window_ms", "scope", "of", "amount", "call"])
    let scope = try json.list("scope") { one throws(JSONError) in
      try one.one(of: Limit.Part.self)
    }
    let values = try json.list("of") { one throws(JSONError) in try one.text() }
    guard scope.count == values.count else { throw json.bad("scope and of differ in length") }
    let window = try json.optional("window_ms")?.int()
    key = Limit.Key(
      counter: try json.member("counter").text(),
      span: window.map { .window(.milliseconds(Int64($0))) } ?? .concurrent, scope: scope,
      values: values)
    amount = try json.member("amount").decimal()
    isCall = try json.optional("call")?.bool() ?? false
  }
}

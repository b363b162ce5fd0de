import Exchange
import JSON
import Time

/// What a V5 call came to, before it is put into the envelope of REST or of a WebSocket.
struct Outcome: Sendable {
  var code = 0
  var message: Text = "OK"
  var result: JSONValue = .object(JSONObject())
  var extra: JSONValue = .object(JSONObject())
  /// The code of each leg of a batch.
  var legs: [Int] = []
  var budget: RateBudgets.Left?

  init(result: JSONValue) { self.result = result }

  init(_ refusal: Refusal) {
    code = refusal.code
    message = refusal.message
  }

  init(_ error: any Error) { self.init(Refusal(anyError: error)) }

  /// Turns into this failure; what became of the legs is still known.
  mutating func fail(_ refusal: Refusal) {
    let (legs, budget) = (self.legs, self.budget)
    self = Outcome(refusal)
    self.legs = legs
    self.budget = budget
  }

  /// The headers of the rate limit, as both transports carry them.
  func budgetHeaders() -> [(Text, String)] {
    guard let budget else { return [] }
    return [
      ("X-Bapi-Limit", String(budget.limit)),
      ("X-Bapi-Limit-Status", String(budget.remaining)),
      ("X-Bapi-Limit-Reset-Timestamp", budget.reset.text),
    ]
  }
}

extension Refusal {
  /// The refusal that any error of reading or counting amounts to.
  init(anyError error: any Error) {
    switch error {
    case let refusal as Refusal: self = refusal
    case let error as JSONError: self = .parameter("params error: \(error.description)")
    default: self = .server
    }
  }

  /// A failure on request, in the exchange's words where they are known.
  static func fault(_ code: Int) -> Refusal {
    let known: [Refusal] = [
      .server, .rate, .balance, .missingOrder, .duplicate, .reduceOnly, .priceRange,
      Refusal(10000, "Server Timeout"),
      Refusal(10019, "The trade service is restarting, please reconnect"),
      Refusal(10429, "System level frequency protection"),
    ]
    return known.first { $0.code == code } ?? Refusal(code, "failed on request")
  }
}

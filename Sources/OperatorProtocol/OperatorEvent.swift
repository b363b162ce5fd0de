package import JSON

/// What the gateway tells every console, in the order in which it became durable.
///
/// On the wire each is one server-sent event whose name is `name`, whose data is `payload` and whose
/// id is a number that rises by one. A console that names an id which is no longer kept gets
/// `reset` and reads everything again.
package enum OperatorEvent: Hashable, Sendable {
  /// A held call is new or has changed.
  case batch(BatchSummary)
  /// A leg, or an order made elsewhere, has changed.
  case order(LegView)
  case fill(FillView)
  case status(StatusView)
  /// A ledger entry as it was written: `{index, …}`.
  case ledger(JSONObject)
  /// Events were lost: read the queue, the orders and the ledger anew.
  case reset

  package var name: String {
    switch self {
    case .batch: "batch"
    case .order: "order"
    case .fill: "fill"
    case .status: "status"
    case .ledger: "ledger"
    case .reset: "reset"
    }
  }

  package var payload: JSONValue {
    switch self {
    case .batch(let batch): batch.json
    case .order(let leg): leg.json
    case .fill(let fill): fill.json
    case .status(let status): status.json
    case .ledger(let entry): .object(entry)
    case .reset: [:]
    }
  }

  /// Throws for an unknown name too: a console never skips what it does not understand.
  package init(name: String, payload: JSONCursor) throws(JSONError) {
    switch name {
    case "batch": self = .batch(try BatchSummary(json: payload))
    case "order": self = .order(try LegView(json: payload))
    case "fill": self = .fill(try FillView(json: payload))
    case "status": self = .status(try StatusView(json: payload))
    case "ledger": self = .ledger(try payload.object())
    case "reset": self = .reset
    default: throw payload.bad("the event \"\(name)\" is not known to this version")
    }
  }
}

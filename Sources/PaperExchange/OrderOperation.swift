import Exchange
import JSON

/// What a request can do with orders, by the name that the trade socket gives it.
enum OrderOperation: String, CaseIterable, Sendable {
  case create = "order.create"
  case amend = "order.amend"
  case cancel = "order.cancel"
  case createBatch = "order.create-batch"
  case amendBatch = "order.amend-batch"
  case cancelBatch = "order.cancel-batch"
  /// REST only.
  case cancelAll = "order.cancel-all"

  var name: Text { Text(rawValue) }
  /// Its path on REST.
  var path: String { "/v5/order/" + rawValue.dropFirst("order.".count) }
  var isOnTradeSocket: Bool { self != .cancelAll }

  /// What a batch does with each leg; nil: it is no batch.
  var ofLeg: OrderOperation? {
    switch self {
    case .createBatch: .create
    case .amendBatch: .amend
    case .cancelBatch: .cancel
    case .create, .amend, .cancel, .cancelAll: nil
    }
  }

  /// Requests that share a budget have one name for it.
  func bucket(_ category: Category) -> Text { "\(name).\(category.rawValue)" }
}

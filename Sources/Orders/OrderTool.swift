package import JSON

/// A tool of the exchange's server that creates, changes or cancels orders.
package struct OrderTool: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable { case create, amend, cancel }

  /// How the tool reaches the exchange, which decides what its result looks like.
  package enum Route: String, Hashable, Sendable { case webSocket, rest }

  package let name: Text
  package let kind: Kind
  package let route: Route
  /// Whether the legs stand in `request` under one `category`.
  package let isBatch: Bool

  private init(_ name: Text, _ kind: Kind, _ route: Route, batch: Bool = false) {
    self.name = name
    self.kind = kind
    self.route = route
    self.isBatch = batch
  }

  package static let all: [OrderTool] = [
    OrderTool("wsCreateOrder", .create, .webSocket),
    OrderTool("wsBatchCreateOrders", .create, .webSocket, batch: true),
    OrderTool("createOrder", .create, .rest),
    OrderTool("batchCreateOrders", .create, .rest, batch: true),
    OrderTool("wsAmendOrder", .amend, .webSocket),
    OrderTool("wsBatchAmendOrders", .amend, .webSocket, batch: true),
    OrderTool("amendOrder", .amend, .rest),
    OrderTool("batchAmendOrders", .amend, .rest, batch: true),
    OrderTool("wsCancelOrder", .cancel, .webSocket),
    OrderTool("wsBatchCancelOrders", .cancel, .webSocket, batch: true),
    OrderTool("cancelOrder", .cancel, .rest),
    OrderTool("batchCancelOrders", .cancel, .rest, batch: true),
    OrderTool("cancelAllOrders", .cancel, .rest),
  ]

  /// The tool with exactly this name, or nil when it moves no orders.
  package static func named(_ name: Text) -> OrderTool? { all.first { $0.name == name } }

  /// Whether the tool cancels every order of a scope instead of named ones.
  package var cancelsAll: Bool { name == "cancelAllOrders" }

  /// The keys of one leg, `category` included where it stands beside them.
  package var fields: [OrderField] {
    switch (kind, route, isBatch) {
    case (.create, .webSocket, true): OrderFields.webSocketBatchLeg
    case (.create, .webSocket, false): OrderFields.webSocketSingle
    case (.create, .rest, true): OrderFields.restBatchLeg
    case (.create, .rest, false): OrderFields.restSingle
    case (.amend, _, true): OrderFields.amendment
    case (.amend, _, false): [OrderFields.category] + OrderFields.amendment
    case (.cancel, .rest, true): OrderFields.restBatchCancellation
    case (.cancel, .webSocket, true): OrderFields.cancellation
    case (.cancel, _, false):
      cancelsAll ? OrderFields.cancelAll : [OrderFields.category] + OrderFields.cancellation
    }
  }
}

/// The policy that `init` writes: config/policies/bybit.json byte for byte, but for the place of the
/// catalogue.
///
/// A test compares the two; `RECORD_POLICY=1 swift test --filter SetupTests` writes this file anew.
package enum BuiltInPolicy {
  /// What stands beside it in a new installation.
  package static let text = document.replacing(catalogueInRepository, with: SetupFile.catalogue)

  private static let catalogueInRepository = "../catalogues/bybit.json"

  package static let document = #"""
    {
      "version": "1",
      "description": "Reads and cancels pass, everything that moves money waits for a person, the rest is denied.",
      "default": "deny",
      "catalogue": "../catalogues/bybit.json",
      "tools": {
        "@Read": {},
        "@Financial": {"action": "hold", "reason": "Moves money: waits for a person to decide."},
        "setPriceLimit": {"action": "hold", "reason": "Changes how later orders fill: waits for a person to decide."},
        "switchPositionMode": {"action": "hold", "reason": "Changes what later orders do: waits for a person to decide."},
        "batchCancelOrders": {},
        "cancelAllOrders": {},
        "cancelAllQuotes": {},
        "cancelAllRfqs": {},
        "cancelAllSpreadOrders": {},
        "cancelOrder": {},
        "cancelQuote": {},
        "cancelRfq": {},
        "cancelSpreadOrder": {},
        "postCryptoLoanFixedBorrowOrderCancel": {},
        "postCryptoLoanFixedSupplyOrderCancel": {},
        "stopStrategy": {},
        "wsBatchCancelOrders": {},
        "wsCancelOrder": {}
      }
    }

    """#
}

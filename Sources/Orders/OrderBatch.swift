package import JSON

/// The orders that one call would create: checked, in the form in which they will be sent.
package struct OrderBatch: Hashable, Sendable {
  package let tool: OrderTool
  package let category: Category
  /// At least one.
  package let legs: [Leg]
  package let arguments: JSONObject

  /// The bytes of `arguments` that are digested and sent.
  package var canonicalArguments: [UInt8] { JSONWriter.canonicalBytes(of: .object(arguments)) }

  /// Whether every leg can only shrink a position. On spot the exchange ignores `reduceOnly`.
  package var isReducing: Bool { category != .spot && legs.allSatisfy(\.reduceOnly) }

  /// The symbols in the order of their first leg.
  package var symbols: [Text] {
    legs.reduce(into: []) { seen, leg in
      if !seen.contains(leg.symbol) { seen.append(leg.symbol) }
    }
  }

  /// Characters of the ULID inside an injected link id.
  package static let batchIDLength = 26

  /// The same batch with `cs-<batchID>-<NN>` as link id of every leg that has none.
  ///
  /// `batchID` is the batch's ULID: 26 characters of Crockford's alphabet. Throws `.linkID` when it
  /// is not, or when the agent has taken one of the ids.
  package func injectingLinkIDs(batchID: Text) throws(OrderError) -> OrderBatch {
    guard batchID.count == Self.batchIDLength, batchID.utf8.allSatisfy(\.isUpperAlphanumeric) else {
      throw OrderError(
        .linkID, "\"\(batchID)\" is no ULID", fix: "pass the 26 characters of the batch's ULID")
    }
    var copy = arguments
    if tool.isBatch {
      var request = arguments["request"]?.arrayValue ?? []
      for leg in legs where leg.orderLinkID == nil {
        guard var fields = request[leg.index].objectValue else { continue }
        fields["orderLinkId"] = .string(Self.linkID(batchID, leg.number))
        request[leg.index] = .object(fields)
      }
      copy["request"] = .array(request)
    } else if legs.first?.orderLinkID == nil {
      copy["orderLinkId"] = .string(Self.linkID(batchID, 1))
    }
    return try OrderBatch.parse(tool: tool.name, arguments: copy)
  }

  /// `cs-<batchID>-<NN>`, NN from 01.
  package static func linkID(_ batchID: Text, _ number: Int) -> Text {
    "cs-\(batchID)-\(number < 10 ? "0" : "")\(number)"
  }
}

extension UInt8 {
  var isASCIIDigit: Bool { (48...57).contains(self) }
  var isUpperAlphanumeric: Bool { isASCIIDigit || (65...90).contains(self) }
  var isAlphanumeric: Bool { isUpperAlphanumeric || (97...122).contains(self) }
}

package import JSON

/// The revisions of the protocol that are spoken here, both with sessions.
package enum ProtocolVersion: String, CaseIterable, Hashable, Sendable {
  case june2025 = "2025-06-18"
  case november2025 = "2025-11-25"

  package static let latest = ProtocolVersion.november2025

  package var text: Text { Text(rawValue) }

  /// The revision that is written exactly as `text`.
  package init?(text: Text) {
    guard let found = Self.allCases.first(where: { $0.text == text }) else { return nil }
    self = found
  }

  /// What a server answers to the revision that a client asks for: the same where it is spoken;
  /// 2025-03-26 clients get its successor, because its batches are refused; else the latest.
  package static func negotiated(for asked: Text) -> ProtocolVersion {
    if let same = ProtocolVersion(text: asked) { return same }
    return asked == "2025-03-26" ? .june2025 : .latest
  }

  /// A key that only requests of the revision without sessions carry in `_meta`.
  static let modernMetaKey: Text = "io.modelcontextprotocol/protocolVersion"

  /// The error for a request of 2026-07-28 or later, nil for all others.
  ///
  /// `supported` names only revisions with a handshake, which makes a client that speaks both eras
  /// go on with `initialize`.
  package static func refusal(of request: RPCRequest) -> RPCError? {
    let meta = request.params?["_meta"]
    guard request.method == "server/discover" || meta?[modernMetaKey] != nil else { return nil }
    return unsupported(requested: meta?[modernMetaKey]?.textValue)
  }

  static func unsupported(requested: Text?) -> RPCError {
    var data = JSONObject()
    data["supported"] = .array(allCases.map { .string($0.text) })
    data["requested"] = requested.map(JSONValue.string)
    return RPCError(
      .unsupportedVersion,
      "this server speaks \(allCases.map(\.rawValue).joined(separator: " and ")); "
        + "start with \"initialize\"",
      data: .object(data))
  }
}

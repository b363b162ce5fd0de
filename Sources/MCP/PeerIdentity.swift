package import JSON

/// What the other side of a handshake says about itself. Never a reason to trust it.
package struct PeerIdentity: Hashable, Sendable {
  /// `name` and `version` of `clientInfo` or `serverInfo`; empty where they are absent.
  package var name: Text
  package var version: Text
  package var capabilities: JSONObject
  /// The revision that both sides speak from here on.
  package var protocolVersion: ProtocolVersion
  /// A server's advice to the model, where it gave any.
  package var instructions: Text?

  package init(
    name: Text, version: Text, capabilities: JSONObject = JSONObject(),
    protocolVersion: ProtocolVersion, instructions: Text? = nil
  ) {
    self.name = name
    self.version = version
    self.capabilities = capabilities
    self.protocolVersion = protocolVersion
    self.instructions = instructions
  }

  init(
    _ cursor: JSONCursor, infoKey: Text, speaking version: ProtocolVersion
  ) throws(JSONError) {
    let info = try cursor.optional(infoKey)
    self.init(
      name: try info?.optional("name")?.text() ?? "",
      version: try info?.optional("version")?.text() ?? "",
      capabilities: try cursor.optional("capabilities")?.object() ?? JSONObject(),
      protocolVersion: version,
      instructions: try cursor.optional("instructions")?.text())
  }
}

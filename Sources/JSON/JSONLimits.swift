/// How large a document may be. Every border of the program names the limits that it parses with.
package struct JSONLimits: Hashable, Sendable {
  /// Bytes of the whole document.
  package var bytes: Int
  /// Arrays and objects inside each other.
  package var depth: Int
  /// UTF-8 bytes of one string or key after escapes are resolved.
  package var stringBytes: Int
  /// Characters of one number.
  package var numberBytes: Int
  /// Values in the whole document, containers included.
  package var values: Int

  package init(
    bytes: Int = 1 << 20, depth: Int = 64, stringBytes: Int = 1 << 18, numberBytes: Int = 64,
    values: Int = 1 << 17
  ) {
    self.bytes = bytes
    self.depth = depth
    self.stringBytes = stringBytes
    self.numberBytes = numberBytes
    self.values = values
  }

  /// A message of an agent: 1 MiB.
  package static let agent = JSONLimits()
  /// A message of a trusted program (an upstream, the exchange, the gateway itself): 16 MiB.
  package static let peer = JSONLimits(
    bytes: 16 << 20, depth: 64, stringBytes: 4 << 20, numberBytes: 64, values: 1 << 21)
  /// A file that an administrator wrote.
  package static let file = JSONLimits(bytes: 4 << 20)
}

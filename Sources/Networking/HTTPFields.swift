/// Header fields in their order. Names are found without regard to ASCII case.
package struct HTTPFields: Sendable, ExpressibleByDictionaryLiteral {
  package private(set) var all: [(name: String, value: String)]

  package init() { all = [] }

  package init(_ all: [(name: String, value: String)]) { self.all = all }

  package init(dictionaryLiteral elements: (String, String)...) {
    all = elements.map { (name: $0.0, value: $0.1) }
  }

  package mutating func add(_ name: String, _ value: String) { all.append((name, value)) }

  /// The first value of `name`.
  package subscript(_ name: String) -> String? { all.first { Self.same($0.name, name) }?.value }

  package func values(of name: String) -> [String] {
    all.filter { Self.same($0.name, name) }.map(\.value)
  }

  /// Bytes as they stand in a message, separators included.
  package var byteCount: Int {
    all.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
  }

  /// Refuses names that are no tokens, values with control bytes, and fields that this client
  /// writes itself. Looks at bytes: to Swift, `"\r\n"` is one character that contains no `"\n"`.
  func checked() throws(NetworkError) {
    for (name, value) in all {
      guard !name.isEmpty, name.utf8.allSatisfy(Self.isToken) else {
        throw NetworkError(.badRequest, "a header name is empty or holds a separator")
      }
      guard value.utf8.allSatisfy({ $0 == 9 || $0 >= 0x20 && $0 != 0x7F }) else {
        throw NetworkError(
          .badRequest, "the header \(name) holds a line break or another control byte",
          fix: "send only visible text in headers")
      }
      guard !Self.reserved.contains(where: { Self.same($0, name) }) else {
        throw NetworkError(
          .badRequest, "the header \(name) is written by the client itself", fix: "leave it out")
      }
    }
  }

  private static let reserved = [
    "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "TE",
  ]

  private static func isToken(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }

  static func same(_ a: String, _ b: String) -> Bool {
    a.utf8.count == b.utf8.count
      && zip(a.utf8, b.utf8).allSatisfy { lowered($0) == lowered($1) }
  }

  private static func lowered(_ byte: UInt8) -> UInt8 {
    (65...90).contains(byte) ? byte | 0x20 : byte
  }
}

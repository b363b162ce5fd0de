package import JSON

/// A tool name, a glob in which every `*` stands for any bytes, or a category of the catalogue such as
/// `@Financial`.
package struct NamePattern: Hashable, Sendable, CustomStringConvertible {
  package let text: Text
  /// Nil for names and globs.
  package let category: ToolCategory?
  private let parts: [[UInt8]]

  package init(_ text: Text) {
    self.text = text
    category = ToolCategory(selector: text)
    parts = text.bytes.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
      .map(Array.init)
  }

  package var isExact: Bool { parts.count == 1 && category == nil }
  package var isGlob: Bool { parts.count > 1 }
  /// Bytes that are no `*`: of two globs the one with more is the more specific.
  var literalBytes: Int { parts.reduce(0) { $0 + $1.count } }
  package var description: String { text.string }

  /// - Parameter category: What the catalogue says of the tool; nil when it says nothing.
  package func matches(_ name: Text, of category: ToolCategory?) -> Bool {
    if let own = self.category { return own == category }
    guard !isExact else { return name == text }
    guard let first = parts.first, let last = parts.last else { return false }
    var rest = name.bytes[...]
    guard rest.starts(with: first) else { return false }
    rest = rest.dropFirst(first.count)
    for part in parts.dropFirst().dropLast() {
      guard let end = Self.end(of: part, in: rest) else { return false }
      rest = rest[end...]
    }
    return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
  }

  private static func end(of part: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= part.count else { return nil }
    for start in bytes.startIndex...(bytes.endIndex - part.count)
    where bytes[start...].starts(with: part) {
      return start + part.count
    }
    return nil
  }
}

/// Where a value stands in a document, as steps from the root.
package struct JSONPath: Hashable, Sendable, CustomStringConvertible {
  package enum Step: Hashable, Sendable {
    case key(Text)
    case index(Int)
  }

  package var steps: [Step]

  package init(_ steps: [Step] = []) { self.steps = steps }

  package static let root = JSONPath()

  package func key(_ key: Text) -> JSONPath { JSONPath(steps + [.key(key)]) }
  package func index(_ index: Int) -> JSONPath { JSONPath(steps + [.index(index)]) }

  /// The steps before the first key that is no plain name: what may be repeated to a person of a
  /// document that a stranger wrote.
  package var plain: JSONPath {
    JSONPath(
      Array(
        steps.prefix { step in
          if case .key(let key) = step { key.isPlainName } else { true }
        }))
  }

  /// `$.tools.createOrder.deny_if[0]`; keys that are no plain names are quoted.
  package var description: String {
    steps.reduce(into: "$") { text, step in
      switch step {
      case .index(let index): text += "[\(index)]"
      case .key(let key) where key.isPlainName: text += "." + key.string
      case .key(let key): text += "[" + JSONWriter.text(of: .string(key)) + "]"
      }
    }
  }
}

extension Text {
  /// The longest plain name, in bytes.
  private static let maxPlainName = 64

  /// 1 to 64 of A-Z, a-z, 0-9 and _.
  fileprivate var isPlainName: Bool {
    (1...Self.maxPlainName).contains(count)
      && utf8.allSatisfy { $0.isDigit || $0 == UInt8(ascii: "_") || ($0 | 0x20).isLowerLetter }
  }

  /// The text in quotes where it is a plain name, otherwise its length: for a reason that repeats a
  /// key of a stranger.
  package var quotedIfPlain: String { isPlainName ? "\"\(string)\"" : "(\(count) bytes)" }
}

extension UInt8 {
  fileprivate var isLowerLetter: Bool { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") }
}

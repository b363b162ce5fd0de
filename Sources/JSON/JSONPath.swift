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
  fileprivate var isPlainName: Bool {
    !isEmpty
      && utf8.allSatisfy { $0.isDigit || $0 == UInt8(ascii: "_") || ($0 | 0x20).isLowerLetter }
  }
}

extension UInt8 {
  fileprivate var isLowerLetter: Bool { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") }
}

package import JSON

/// A policy of another gateway in this language, and how each of its parts was read.
///
/// Two dialects are known: that of PolicyLayer's hosted gateway (`require`, `deny_if`, `limits`) and
/// that of Intercept (`rules`), in JSON or YAML. Nothing is read more generously than it was meant: a
/// tool with anything that cannot be expressed is denied, and the report says so.
package struct ImportedPolicy: Sendable {
  package enum Dialect: String, Hashable, Sendable {
    case hosted = "PolicyLayer's hosted gateway"
    case intercept = "Intercept"
  }

  package enum Reading: String, Hashable, Sendable {
    case kept
    /// Says no, or asks, more often than the original.
    case stricter
    /// Not expressed: what it was about is denied.
    case refused
  }

  package struct Remark: Hashable, Sendable {
    package let path: JSONPath
    package let position: JSONPosition?
    package let reading: Reading
    package let words: String
  }

  package let dialect: Dialect
  package let document: JSONValue
  /// In the order of the original.
  package let remarks: [Remark]

  package var isWhole: Bool { !remarks.contains { $0.reading == .refused } }

  /// Bytes of a file that is imported.
  package static let maxBytes = 1 << 20

  /// Throws with line and column where the file says nothing that could be denied for itself: what is
  /// no JSON or YAML, or has unknown keys at its top.
  package static func read(_ bytes: some Collection<UInt8>) throws(JSONError) -> ImportedPolicy {
    guard bytes.count <= maxBytes else {
      throw JSONError(.limit, "the file has more than \(maxBytes) bytes")
    }
    let bytes = Array(bytes)
    let isJSON = bytes.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "{")
    var importer: PolicyImporter
    if isJSON {
      let value = try JSONParser.parse(bytes, limits: .file)
      let locator = JSONLocator(bytes)
      importer = PolicyImporter(value, isYAML: false) { locator.position(of: $0) }
    } else {
      let (value, positions) = try YAMLReader.read(bytes)
      importer = PolicyImporter(value, isYAML: true) { path in
        var path = path
        while positions[path] == nil, !path.steps.isEmpty { path.steps.removeLast() }
        return positions[path]
      }
    }
    return try importer.run()
  }
}

import Foundation
import JSON

/// Reading of small files that an administrator wrote.
package enum Files {
  package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
  }

  /// The bytes of a file of at most `limit` bytes.
  package static func read(_ path: String, limit: Int = JSONLimits.file.bytes) throws -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw Failure("\(path) cannot be read: it does not exist or you may not open it")
    }
    defer { try? handle.close() }
    guard let data = try? handle.read(upToCount: limit + 1) ?? Data() else {
      throw Failure("\(path) cannot be read: it is a folder, or its disk fails")
    }
    guard data.count <= limit else { throw Failure("\(path) has more than \(limit) bytes") }
    return [UInt8](data)
  }

  /// A secret of a file that nobody but its owner can open, without the line's end.
  package static func secret(_ path: String) throws -> String {
    let text = String(decoding: try secretBytes(path, limit: 4096), as: UTF8.self)
    let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    guard !line.isEmpty else { throw Failure("\(path) is empty; a secret is expected in it") }
    return line
  }

  /// The bytes of a file that nobody but its owner can open.
  package static func secretBytes(_ path: String, limit: Int) throws -> [UInt8] {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0
    guard attributes != nil else { throw Failure("\(path) cannot be read") }
    guard mode & 0o077 == 0 else {
      throw Failure("others can open \(path), which holds a secret; run: chmod 600 \(path)")
    }
    return try read(path, limit: limit)
  }
}

extension Configuration.Secret {
  /// The secret itself. Errors name where it should be, never what it is.
  package func value(_ environment: [String: String]) throws -> String {
    switch self {
    case .environment(let name):
      guard let value = environment[name], !value.isEmpty else {
        throw Files.Failure("the environment variable \(name) is not set")
      }
      return value
    case .file(let path): return try Files.secret(path)
    }
  }
}

import Foundation

/// Appends lines to a file that only its owner may read.
final class LogFile {
  private let handle: FileHandle
  private let path: String

  init(path: String) throws {
    self.path = path
    let manager = FileManager.default
    if !manager.fileExists(atPath: path) {
      _ = manager.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
    }
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw PaperError(
        .log, "the log \(path) cannot be written", fix: "name a file in a directory of yours")
    }
    self.handle = handle
    _ = try handle.seekToEnd()
  }

  func append(_ line: String) throws { try handle.write(contentsOf: Data((line + "\n").utf8)) }
}

import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Files that belong to one user alone: keys, passphrases, what a console remembers.
package enum PrivateFile {
  static let limit = 1 << 16

  /// The bytes of a regular file of this user with no rights for others. A symbolic link is refused.
  static func read(_ path: String) throws(OperatorClientError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else {
      throw OperatorClientError(
        .keyFile, "\(path) cannot be read: \(reason())",
        fix: "name the file, or make a key with `countersign operator init`")
    }
    defer { close(file) }
    var info = stat()
    guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw OperatorClientError(.keyFile, "\(path) is no regular file", fix: "name another file")
    }
    guard info.st_uid == geteuid() else {
      throw OperatorClientError(
        .keyFile, "\(path) belongs to another user", fix: "use a file of your own")
    }
    guard info.st_mode & 0o077 == 0 else {
      throw OperatorClientError(
        .keyFile, "\(path) can be read by others", fix: "run: chmod 600 \(path)")
    }
    guard info.st_size <= limit else {
      throw OperatorClientError(.keyFile, "\(path) is too large", fix: "name another file")
    }
    return try bytes(of: file, path)
  }

  private static func bytes(of file: Int32, _ path: String) throws(OperatorClientError) -> [UInt8] {
    var all: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while all.count <= limit {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw OperatorClientError(.keyFile, "\(path) cannot be read: \(reason())")
      }
      if count == 0 { return all }
      all += chunk.prefix(count)
    }
    throw OperatorClientError(.keyFile, "\(path) is too large", fix: "name another file")
  }

  /// Writes a file that must not exist yet, mode 0600; the directories above are made with 0700.
  package static func create(_ path: String, _ bytes: [UInt8]) throws(OperatorClientError) {
    try makeDirectory(above: path)
    try write(path, bytes, flags: O_EXCL)
  }

  /// Replaces a file in one step.
  package static func replace(_ path: String, _ bytes: [UInt8]) throws(OperatorClientError) {
    try makeDirectory(above: path)
    let other = "\(path).\(getpid()).new"
    unlink(other)
    try write(other, bytes, flags: O_EXCL)
    guard rename(other, path) == 0 else {
      throw OperatorClientError(.keyFile, "\(path) cannot be replaced: \(reason())")
    }
  }

  private static func write(
    _ path: String, _ bytes: [UInt8], flags: Int32
  ) throws(OperatorClientError) {
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0o600)
    guard file >= 0 else {
      throw OperatorClientError(
        .keyFile, "\(path) cannot be written: \(reason())",
        fix: "choose another name; existing keys are never overwritten")
    }
    defer { close(file) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw OperatorClientError(.keyFile, "\(path) cannot be written: \(reason())")
      }
      rest = rest.dropFirst(count)
    }
    guard fsync(file) == 0 else {
      throw OperatorClientError(.keyFile, "\(path) cannot be made durable: \(reason())")
    }
  }

  private static func makeDirectory(above path: String) throws(OperatorClientError) {
    let directory = URL(fileURLWithPath: path).deletingLastPathComponent()
    do {
      try FileManager.default.createDirectory(
        at: directory, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw OperatorClientError(
        .keyFile, "the directory \(directory.path) cannot be made: \(error)")
    }
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}

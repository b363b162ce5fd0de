#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The directory of the state, readable by its owner alone, and the files in it.
struct StatePlace: Sendable {
  let directory: String

  var database: String { directory + "/countersign.sqlite" }
  var lock: String { directory + "/gateway.lock" }

  /// Makes the directory and an empty database file where there are none, and refuses those that
  /// others can open. It never changes the rights of what it finds: the path may be a wrong one.
  func prepare() throws(StorageError) {
    if mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw Self.refused("the state directory \(directory) cannot be made")
    }
    try check(directory, isDirectory: true)
    let file = open(database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    if file >= 0 {
      close(file)
    } else if errno != EEXIST {
      throw Self.refused("\(database) cannot be made")
    }
    try check(database, isDirectory: false)
  }

  private func check(_ path: String, isDirectory: Bool) throws(StorageError) {
    var found = stat()
    guard lstat(path, &found) == 0 else { throw Self.refused("\(path) cannot be looked at") }
    guard found.st_mode & S_IFMT == (isDirectory ? S_IFDIR : S_IFREG) else {
      throw StorageError(
        .badPlace, "\(path) is no \(isDirectory ? "directory" : "plain file")",
        fix: "name another state directory in the configuration")
    }
    guard found.st_uid == geteuid() else {
      throw StorageError(
        .badPlace, "\(path) belongs to another user", fix: "run as its owner, or chown it")
    }
    guard found.st_mode & 0o077 == 0 else {
      throw StorageError(
        .badPlace, "others can open \(path)",
        fix: "run: chmod \(isDirectory ? "700" : "600") \(path)")
    }
  }

  static func refused(_ what: String) -> StorageError {
    StorageError(
      .unavailable, "\(what): \(String(cString: strerror(errno)))",
      fix: "check the path and its rights")
  }
}

/// The lock that one gateway holds on its state for as long as it lives.
///
/// The kernel drops it with the process, so a crash leaves no stale lock behind.
final class GatewayLock: Sendable {
  private let file: Int32

  /// Throws `inUse` when another gateway holds it.
  init(_ place: StatePlace) throws(StorageError) {
    let file = open(place.lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw StatePlace.refused("\(place.lock) cannot be opened") }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let isHeld = errno == EWOULDBLOCK
      let refusal = StatePlace.refused("\(place.lock) cannot be locked")
      let holder = Self.holder(file)
      close(file)
      guard isHeld else { throw refusal }
      throw StorageError(
        .inUse, "another gateway\(holder) uses the state in \(place.directory)",
        fix: "stop it, or name another state directory in the configuration")
    }
    self.file = file
    let text = "\(getpid())\n"
    if ftruncate(file, 0) == 0 { _ = pwrite(file, text, text.utf8.count, 0) }
  }

  deinit { close(file) }

  private static func holder(_ file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = pread(file, &bytes, bytes.count, 0)
    let digits = bytes.prefix(max(0, count)).prefix { (48...57).contains($0) }
    return digits.isEmpty ? "" : " (process \(String(decoding: digits, as: UTF8.self)))"
  }
}

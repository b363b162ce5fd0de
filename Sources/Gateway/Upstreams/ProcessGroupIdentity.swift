#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A child's process group in a form that outlives this process: whoever reads it after a crash can
/// tell the group from another one that got the same number later.
///
/// The text is `PGID:START:BOOT`: the group's id, the start time of its leader in clock ticks since
/// boot, and the id of the boot.
package struct ProcessGroupIdentity: Hashable, Sendable, CustomStringConvertible {
  /// What became of a group that was to be killed.
  package enum KillOutcome: Hashable, Sendable {
    /// Every process of it is dead.
    case killed
    /// No process of it was left.
    case gone
    /// There may be processes that nobody can tell apart from others: the leader is gone or left
    /// its group, or there is no process table. Nothing was killed.
    case unverifiable
    /// A process did not die in the time given.
    case surviving
  }

  package let group: Int32
  package let start: UInt64
  package let boot: String

  /// The group whose leader is the live process `pid`; nil when it has ended or `/proc` is absent.
  package init?(leader pid: Int32) {
    guard let leader = ProcessEntry.read(pid), let boot = Self.currentBoot() else { return nil }
    group = pid
    start = leader.start
    self.boot = boot
  }

  /// Reads what `text` wrote; nil for anything else.
  package init?(text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let group = Int32(parts[0]), group > 1, let start = UInt64(parts[1]),
      !parts[2].isEmpty
    else { return nil }
    self.group = group
    self.start = start
    boot = String(parts[2])
    guard self.text == text else { return nil }
  }

  package var text: String { "\(group):\(start):\(boot)" }
  package var description: String { text }

  /// Kills every process of the group, if it is still the same one, and waits until they are dead.
  package static func killGroup(
    _ identity: ProcessGroupIdentity, wait: Duration = .seconds(5)
  ) async -> KillOutcome {
    guard let boot = currentBoot() else { return .unverifiable }
    guard boot == identity.boot else { return .gone }
    guard let leader = ProcessEntry.read(identity.group) else {
      return ProcessEntry.isAlive(group: identity.group) ? .unverifiable : .gone
    }
    // The number was given to another process, which happens only after the whole group has ended.
    guard leader.start == identity.start else { return .gone }
    guard leader.group == identity.group else { return .unverifiable }
    _ = kill(-identity.group, SIGKILL)
    let deadline = ContinuousClock.now + wait
    while ProcessEntry.isAlive(group: identity.group) {
      guard ContinuousClock.now < deadline, !Task.isCancelled else { return .surviving }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return .killed
  }

  private static func currentBoot() -> String? {
    ProcessEntry.file("/proc/sys/kernel/random/boot_id").map {
      String(decoding: $0.prefix { $0 > 0x20 }, as: UTF8.self)
    }
  }
}

/// One line of the kernel's process table.
struct ProcessEntry: Hashable {
  let state: UInt8
  let group: Int32
  let start: UInt64

  static func read(_ pid: Int32) -> ProcessEntry? {
    file("/proc/\(pid)/stat").flatMap(ProcessEntry.init(stat:))
  }

  /// Reads `/proc/PID/stat`. The command in it may hold spaces and parentheses.
  init?(stat: [UInt8]) {
    guard let close = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = stat[(close + 1)...].split { $0 == 0x20 || $0 == 0x0A }
    guard fields.count >= 20, let state = fields[0].first,
      let group = Int32(String(decoding: fields[2], as: UTF8.self)),
      let start = UInt64(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    self.state = state
    self.group = group
    self.start = start
  }

  private var isDead: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

  /// Whether any process of the group can still run. A zombie cannot.
  static func isAlive(group: Int32) -> Bool {
    guard kill(-group, 0) == 0 || errno == EPERM else { return false }
    guard let directory = opendir("/proc") else { return true }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let pid = Int32(name), let found = read(pid) else { continue }
      if found.group == group, !found.isDead { return true }
    }
    return false
  }

  /// The first 4 KiB of a file of `/proc`; nil when it cannot be read.
  static func file(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer in
      let count = readOnce(descriptor, buffer)
      return count > 0 ? Array(buffer.prefix(count)) : nil
    }
  }

  private static func readOnce(_ descriptor: CInt, _ buffer: UnsafeMutableBufferPointer<UInt8>)
    -> Int
  {
    var count = 0
    repeat {
      #if canImport(Glibc)
        count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      #elseif canImport(Musl)
        count = Musl.read(descriptor, buffer.baseAddress, buffer.count)
      #else
        count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
      #endif
    } while count < 0 && errno == EINTR
    return count
  }
}

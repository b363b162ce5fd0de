import Approvals
import Foundation
import Storage
import TestSupport
import Testing

/// Runs one of the tests below once more, under strace, in a process of its own.
private enum Trace {
  static let variable = "COUNTERSIGN_TRACED_STATE"
  static let groups = 20

  static var state: String? { ProcessInfo.processInfo.environment[variable] }
}

@Suite("Durability") struct DurabilityTests {
  @Test func `a group of commits costs one sync of the disk`() throws {
    let scratch = ScratchDirectory()
    let calls = try trace(state: scratch.path)
    let started = try #require(calls.lastIndex { $0.contains("/marker") }, "the run left no marker")
    let syncs = calls[(started + 1)...].filter {
      $0.contains("countersign.sqlite-wal") && ($0.contains("fdatasync(") || $0.contains("fsync("))
    }
    #expect(syncs.count == Trace.groups, "\(syncs.joined(separator: "\n"))")
  }

  /// The traced part: it does nothing in an ordinary run.
  @Test(.enabled(if: Trace.state != nil, "runs under strace only"))
  func tracedCommits() throws {
    let path = try #require(Trace.state)
    let store = try SQLiteStore(directory: path, access: .gateway)
    var next = 0
    func apply(commits: Int) throws {
      let group = (next..<next + commits).map {
        Commit(id: $0, records: [], lines: [StoreConformance.line($0)])
      }
      #expect(try store.apply(group).count == commits)
      next += commits
    }
    // The first write of a new log syncs its header too.
    try apply(commits: 1)
    let marker = open(path + "/marker", O_RDWR | O_CREAT, 0o600)
    #expect(fsync(marker) == 0)
    for _ in 0..<Trace.groups { try apply(commits: 8) }
    close(marker)
    // Closing copies the log into the database, with syncs of its own.
    _exit(0)
  }

  private func trace(state: String) throws -> [String] {
    let strace = ["/usr/bin/strace", "/bin/strace", "/usr/local/bin/strace"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
    let tool = try #require(strace, "strace is missing; install it: apt-get install strace")
    let output = state + ".trace"
    defer { try? FileManager.default.removeItem(atPath: output) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    process.arguments =
      ["-f", "-y", "-e", "trace=fsync,fdatasync", "-o", output, own]
      + ["--testing-library", "swift-testing", "--filter", "tracedCommits"]
    process.environment = ProcessInfo.processInfo.environment
      .merging([Trace.variable: state]) { $1 }
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let words = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = try? String(contentsOfFile: output, encoding: .utf8)
    let lines = text?.split(separator: "\n").map(String.init) ?? []
    try #require(
      !lines.isEmpty,
      "strace recorded nothing: \(String(decoding: words.suffix(2000), as: UTF8.self))")
    return lines
  }
}

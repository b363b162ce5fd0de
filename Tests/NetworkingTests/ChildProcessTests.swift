import Synchronization
import Testing

@testable import Networking

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct ChildProcessTests {
  private static let path = ["PATH": "/usr/bin:/bin"]

  private func shell(
    _ script: String, limits: ChildLimits = ChildLimits(), environment: [String: String] = path,
    onErrorLine: @escaping @Sendable ([UInt8]) -> Void = { _ in }
  ) async throws -> ChildProcess {
    try await ChildProcess.start(
      ChildCommand("/bin/sh", ["-c", script], environment: environment), limits: limits,
      onErrorLine: onErrorLine)
  }

  private func all(_ child: ChildProcess) async throws -> [String] {
    var lines: [String] = []
    for try await line in child.lines { lines.append(String(decoding: line, as: UTF8.self)) }
    return lines
  }

  private func exists(_ pid: pid_t) -> Bool { kill(pid, 0) == 0 }

  @Test func catEchoesLinesAndEndsWhenItsInputCloses() async throws {
    let child = try await ChildProcess.start(ChildCommand("cat", environment: Self.path))
    let lines = child.lines.makeAsyncIterator()
    for word in ["hello", "", "{\"jsonrpc\":\"2.0\"}"] {
      try await child.writeLine(Array(word.utf8))
      #expect(try await lines.next() == Array(word.utf8))
    }
    #expect(getpgid(child.processGroup) == child.processGroup)
    #expect(child.processGroup != getpgrp())
    #expect(await child.terminate(grace: .seconds(20)) == .exited(0))
    #expect(try await lines.next() == nil)
    await #expect(throws: NetworkError.self) { try await child.writeLine([1]) }
  }

  @Test func theEnvironmentIsWhatWasGivenAndNothingElse() async throws {
    let environment = ChildCommand.environment(
      inheriting: ["LANG", "NOPE"], from: ["LANG": "C", "SECRET": "s"], adding: ["KEY": "k"])
    #expect(environment == ["LANG": "C", "KEY": "k"])
    let child = try await ChildProcess.start(ChildCommand("/usr/bin/env", environment: environment))
    #expect(try await all(child).sorted() == ["KEY=k", "LANG=C"])
    #expect(await child.status() == .exited(0))
  }

  @Test func noDescriptorLeaksIntoTheChild() async throws {
    let leak = open("/dev/null", O_RDONLY)
    defer { close(leak) }
    let child = try await shell("ls /proc/self/fd | wc -l; ls /proc/self/fd")
    let lines = try await all(child)
    // ls itself holds one more, the directory.
    #expect(lines.dropFirst() == ["0", "1", "2", "3"])
  }

  @Test func exitStatusAndSignalAreTold() async throws {
    #expect(try await shell("exit 7").status() == .exited(7))
    #expect(try await shell("kill -9 $$").status() == .signalled(9))
  }

  @Test func aLastLineWithoutItsEndCounts() async throws {
    #expect(try await all(shell("printf 'a\\nb'")) == ["a", "b"])
  }

  @Test func anOverlongLineEndsTheChildWithAnError() async throws {
    let child = try await shell(
      "echo short; head -c 5000 /dev/zero | tr '\\0' x; sleep 600",
      limits: ChildLimits(lineBytes: 1000))
    let lines = child.lines.makeAsyncIterator()
    #expect(try await lines.next() == Array("short".utf8))
    let error = await #expect(throws: NetworkError.self) { _ = try await lines.next() }
    #expect(error?.code == .limit)
    #expect(await child.status() == .signalled(9))
  }

  @Test func aFloodWaitsInThePipe() async throws {
    let child = try await shell(
      "i=0; while [ $i -lt 20000 ]; do echo \"line $i\"; i=$((i+1)); done",
      limits: ChildLimits(queuedBytes: 4096))
    #expect(try await all(child).count == 20_000)
  }

  @Test func standardErrorComesInShortenedLines() async throws {
    let lines = Mutex<[String]>([])
    let child = try await shell(
      "echo one >&2; echo 0123456789abc >&2; printf rest >&2; echo done",
      limits: ChildLimits(errorLineBytes: 10)
    ) { line in lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
    #expect(try await all(child) == ["done"])
    while lines.withLock({ $0.count }) < 3 { await Task.yield() }
    #expect(lines.withLock { $0 } == ["one", "0123456789", "rest"])
  }

  @Test func linesWithBreaksAreRefused() async throws {
    let child = try await ChildProcess.start(ChildCommand("cat", environment: Self.path))
    for bad in ["a\nb", "a\r\nb", "a\r"] {
      let error = await #expect(throws: NetworkError.self) {
        try await child.writeLine(Array(bad.utf8))
      }
      #expect(error?.code == .badRequest)
    }
    await child.terminate(grace: .seconds(20))
  }

  @Test func aChildThatDoesNotReadMeetsTheLimit() async throws {
    let child = try await shell("exec sleep 600", limits: ChildLimits(unsentBytes: 200_000))
    let codes = await withTaskGroup(of: NetworkError.Code?.self) { group in
      for _ in 0..<2 {
        group.addTask {
          do {
            try await child.writeLine([UInt8](repeating: 120, count: 150_000))
            return nil
          } catch {
            child.killGroup()
            return (error as? NetworkError)?.code
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    // In either order: the one that is turned away kills the child before it returns.
    #expect(codes.count == 2 && codes.contains(.busy) && codes.contains(.ended))
    #expect(await child.status() == .signalled(9))
  }

  @Test func killingTheGroupTakesGrandchildren() async throws {
    let child = try await shell("sleep 600 & echo $!; trap '' TERM; wait")
    let lines = child.lines.makeAsyncIterator()
    let line = try #require(try await lines.next())
    let grandchild = try #require(pid_t(String(decoding: line, as: UTF8.self)))
    #expect(exists(grandchild))
    child.killGroup()
    #expect(await child.status() == .signalled(9))
    #expect(try await lines.next() == nil)
    await gone(grandchild)
  }

  @Test func grandchildrenDoNotOutliveTheirParent() async throws {
    let child = try await shell("sleep 600 & echo $!")
    let line = try #require(try await child.lines.makeAsyncIterator().next())
    let grandchild = try #require(pid_t(String(decoding: line, as: UTF8.self)))
    #expect(await child.status() == .exited(0))
    await gone(grandchild)
  }

  /// An orphan belongs to init once it is killed, so the wait is for init to collect it; in a
  /// container whose first process collects nothing it stays a zombie.
  private func gone(_ pid: pid_t) async {
    while exists(pid), !isZombie(pid) { await Task.yield() }
  }

  private func isZombie(_ pid: pid_t) -> Bool {
    guard let file = fopen("/proc/\(pid)/stat", "r") else { return true }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, 256, file) != nil else { return true }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.contains(") Z ")
  }

  @Test func terminationGoesFromPoliteToFirm() async throws {
    let polite = try await shell("trap 'exit 3' TERM; echo up; while :; do sleep 0.02; done")
    _ = try await polite.lines.makeAsyncIterator().next()
    #expect(await polite.terminate(grace: .seconds(2)) == .exited(3))
    let stubborn = try await shell("trap '' TERM; echo up; while :; do sleep 0.02; done")
    _ = try await stubborn.lines.makeAsyncIterator().next()
    #expect(await stubborn.terminate(grace: .milliseconds(50)) == .signalled(9))
    stubborn.killGroup()
  }

  @Test(arguments: ["/no/such/file", "no-such-program", "/etc/passwd"])
  func whatCannotBeStartedIsAnError(_ program: String) async throws {
    let error = await #expect(throws: NetworkError.self) {
      _ = try await ChildProcess.start(ChildCommand(program, environment: Self.path))
    }
    #expect(error?.code == .spawn)
    #expect(error?.delivery == .notSent)
  }

  @Test func argumentsAreNotAShellLine() async throws {
    let child = try await ChildProcess.start(
      ChildCommand("echo", ["a b", "$HOME", ";", "\u{e9}"], environment: Self.path))
    #expect(try await all(child) == ["a b $HOME ; \u{e9}"])
  }

  @Test func theWorkingDirectoryIsGiven() async throws {
    let child = try await ChildProcess.start(
      ChildCommand("pwd", environment: Self.path, directory: "/usr"))
    #expect(try await all(child) == ["/usr"])
  }
}

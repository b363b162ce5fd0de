import CProcess

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The system calls of starting a child: pipes, `posix_spawn`, its own process group.
enum ChildSpawn {
  struct Started {
    let pid: pid_t
    let stdin: CInt
    let stdout: CInt
    let stderr: CInt
  }

  static func start(_ command: ChildCommand) throws(NetworkError) -> Started {
    let path = try resolve(command)
    var pipes: [CInt] = []
    do throws(NetworkError) {
      for _ in 0..<3 { pipes += try pipe() }
      let pid = try spawn(path, command, pipes)
      for end in [pipes[0], pipes[3], pipes[5]] { close(end) }
      return Started(pid: pid, stdin: pipes[1], stdout: pipes[2], stderr: pipes[4])
    } catch {
      for end in pipes { close(end) }
      throw error
    }
  }

  private static func pipe() throws(NetworkError) -> [CInt] {
    var ends: [CInt] = [-1, -1]
    let result = countersign_pipe(&ends)
    guard result == 0 else { throw failure("a pipe cannot be made", result) }
    return ends
  }

  private static func spawn(
    _ path: String, _ command: ChildCommand, _ pipes: [CInt]
  ) throws(NetworkError) -> pid_t {
    let arguments = ([command.program] + command.arguments).map { strdup($0) } + [nil]
    let environment =
      command.environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + environment { free(text) } }
    var pid: pid_t = 0
    let result = countersign_spawn(
      path, arguments, environment, command.directory, [pipes[0], pipes[3], pipes[5]], &pid)
    guard result == 0 else { throw failure("\(command.program) cannot be started", result) }
    return pid
  }

  /// The program's file: as given when it holds a slash, else searched in the *child's* PATH.
  private static func resolve(_ command: ChildCommand) throws(NetworkError) -> String {
    let texts =
      [command.program] + command.arguments
      + command.environment.flatMap { [$0.key, $0.value] }
    guard texts.allSatisfy({ !$0.utf8.contains(0) }) else {
      throw NetworkError(.spawn, "an argument or variable holds a NUL byte")
    }
    if command.program.utf8.contains(UInt8(ascii: "/")) { return command.program }
    let search = command.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    for directory in search.split(separator: ":") {
      let path = "\(directory)/\(command.program)"
      if access(path, X_OK) == 0 { return path }
    }
    throw NetworkError(
      .spawn, "\(command.program) is in no directory of the child's PATH (\(search))",
      fix: "install it or write its full path")
  }

  private static func failure(_ what: String, _ code: CInt) -> NetworkError {
    NetworkError(.spawn, "\(what): \(String(cString: strerror(code)))")
  }
}

/// Waiting for and signalling processes.
enum ChildSignals {
  /// Blocks until `pid` has ended, and leaves it as a zombie so that its id stays reserved.
  static func awaitEnd(of pid: pid_t) {
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
  }

  /// Collects a child that has ended.
  static func reap(_ pid: pid_t) -> ChildStatus {
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0 {
      guard errno == EINTR else { return .exited(-1) }
    }
    let signal = status & 0x7F
    return signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
  }

  static func terminate(group: pid_t) { _ = kill(-group, SIGTERM) }
  static func killNow(group: pid_t) { _ = kill(-group, SIGKILL) }
}

import NIOPosix
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

// Inside a type with methods of the same names the system's calls need other ones.
private let readBytes = read
private let writeBytes = write

/// This process's own standard input and output as lines, whatever they are: pipes, files,
/// terminals.
///
/// Concurrency model: one thread reads when it is asked to, one writes in the order of the calls;
/// the buffer of what was read belongs to the one task that calls `next`.
package final class LinePipes: Sendable {
  package enum Line: Hashable, Sendable {
    case whole([UInt8])
    /// A line over the limit; its bytes are dropped and the next line is intact.
    case tooLong
  }

  fileprivate struct Buffer {
    var bytes: [UInt8] = []
    /// Bytes of `bytes` that hold no LF for certain.
    var searched = 0
    var isDropping = false
    var isAtEnd = false
  }

  private let input: CInt
  private let output: CInt
  private let limit: Int
  private let buffer = Mutex(Buffer())
  private let reader = NIOThreadPool(numberOfThreads: 1)
  private let writer = NIOThreadPool(numberOfThreads: 1)

  /// The descriptors stay the caller's. A closed reader of `output` becomes an error, not a signal:
  /// SIGPIPE is ignored from here on.
  package init(input: CInt = 0, output: CInt = 1, lineBytes: Int) {
    self.input = input
    self.output = output
    limit = lineBytes
    signal(SIGPIPE, SIG_IGN)
    reader.start()
    writer.start()
  }

  deinit {
    reader.shutdownGracefully { _ in }
    writer.shutdownGracefully { _ in }
  }

  /// The next line without its LF; nil at the end of the input. A last line without LF counts.
  package func next() async throws -> Line? {
    while true {
      if let line = buffer.withLock({ $0.take(limit: limit) }) { return line }
      if buffer.withLock({ $0.isAtEnd }) { return buffer.withLock { $0.rest(limit: limit) } }
      let input = input
      let bytes = try await reader.runIfActive { try Self.read(input) }
      buffer.withLock { buffer in
        buffer.bytes += bytes
        buffer.isAtEnd = bytes.isEmpty
      }
    }
  }

  /// Writes a line and its LF; returns when the system has taken all of it.
  ///
  /// - Throws: `badRequest` for a line that holds LF, `ended` when nobody reads any more.
  package func write(_ line: [UInt8]) async throws {
    guard !line.contains(10) else {
      throw NetworkError(.badRequest, "a line to write holds a line break")
    }
    let output = output
    try await writer.runIfActive { try Self.write(line + [10], to: output) }
  }

  private static func read(_ descriptor: CInt) throws -> [UInt8] {
    while true {
      var count = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { space, used in
        count = readBytes(descriptor, space.baseAddress, space.count)
        used = max(count, 0)
      }
      if count >= 0 { return bytes }
      guard errno == EINTR else { throw failure("standard input cannot be read") }
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: CInt) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { space in
        writeBytes(descriptor, space.baseAddress, space.count)
      }
      if count > 0 { rest = rest.dropFirst(count) }
      guard count > 0 || errno == EINTR else { throw failure("standard output is closed") }
    }
  }

  private static func failure(_ what: String) -> NetworkError {
    NetworkError(.ended, "\(what): \(String(cString: strerror(errno)))", delivery: .ambiguous)
  }
}

extension LinePipes.Buffer {
  /// A line that is whole or known to be too long; nil when more has to be read.
  fileprivate mutating func take(limit: Int) -> LinePipes.Line? {
    guard let end = bytes[searched...].firstIndex(of: 10) else {
      searched = bytes.count
      guard bytes.count > limit || isDropping else { return nil }
      bytes = []
      searched = 0
      defer { isDropping = true }
      return isDropping ? nil : .tooLong
    }
    let line = Array(bytes[..<end])
    bytes.removeFirst(end + 1)
    searched = 0
    if isDropping {
      isDropping = false
      return take(limit: limit)
    }
    return line.count > limit ? .tooLong : .whole(line)
  }

  fileprivate mutating func rest(limit: Int) -> LinePipes.Line? {
    defer {
      bytes = []
      searched = 0
    }
    return bytes.isEmpty || isDropping ? nil : .whole(bytes)
  }
}

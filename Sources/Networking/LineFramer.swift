/// Cuts bytes into lines at LF. Pure.
struct LineFramer {
  private var partial: [UInt8] = []
  let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Hands each line that `bytes` completes to `emit`, without its LF; whole lines before one that
  /// is too long are handed over too.
  mutating func feed(
    _ bytes: some Collection<UInt8>, _ emit: ([UInt8]) -> Void
  ) throws(NetworkError) {
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 10) {
      try append(rest[..<end])
      emit(partial)
      partial = []
      rest = rest[rest.index(after: end)...]
    }
    try append(rest)
  }

  /// What stands after the last LF.
  mutating func rest() -> [UInt8]? {
    defer { partial = [] }
    return partial.isEmpty ? nil : partial
  }

  private mutating func append(_ bytes: some Collection<UInt8>) throws(NetworkError) {
    guard partial.count + bytes.count <= limit else {
      throw NetworkError(.limit, "a line is longer than \(limit) bytes")
    }
    partial.append(contentsOf: bytes)
  }
}

/// Cuts bytes into lines and shortens the long ones: for what people read. Pure.
struct ShorteningLineFramer {
  private var partial: [UInt8] = []
  let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func feed(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    for byte in bytes {
      if byte == 10 {
        lines.append(partial)
        partial = []
      } else if partial.count < limit {
        partial.append(byte)
      }
    }
    return lines
  }

  mutating func rest() -> [UInt8]? {
    defer { partial = [] }
    return partial.isEmpty ? nil : partial
  }
}

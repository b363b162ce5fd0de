/// One event of a `text/event-stream`.
package struct ServerSentEvent: Hashable, Sendable {
  /// The last event id in force when the event was dispatched; nil when none was ever given.
  package var id: String?
  /// The event's type; nil is the default, `message`.
  package var event: String?
  /// Data lines joined with LF.
  package var data: String

  package init(id: String? = nil, event: String? = nil, data: String) {
    self.id = id
    self.event = event
    self.data = data
  }

  /// The event as it stands in a stream. Every line break in `data` starts a new data line, so that
  /// no data can end the event or add a field.
  ///
  /// - Throws: `badRequest` when id or event type hold a line break or NUL.
  package func encoded() throws(NetworkError) -> [UInt8] {
    var out: [UInt8] = []
    for (name, value) in [("id", id), ("event", event)] {
      guard let value else { continue }
      guard !value.utf8.contains(where: { $0 == 10 || $0 == 13 || $0 == 0 }) else {
        throw NetworkError(.badRequest, "an event's \(name) holds a line break or NUL")
      }
      out += Array("\(name): \(value)\n".utf8)
    }
    for line in Self.lines(of: data) {
      out += Array("data: ".utf8) + line + [10]
    }
    return out + [10]
  }

  /// A comment line, which readers skip: a heartbeat.
  package static func comment(_ text: String = "") -> [UInt8] {
    Array(":".utf8) + text.utf8.map { $0 == 10 || $0 == 13 ? 32 : $0 } + [10, 10]
  }

  private static func lines(of data: String) -> [[UInt8]] {
    var lines: [[UInt8]] = [[]]
    var afterCR = false
    for byte in data.utf8 {
      switch byte {
      case 10 where afterCR: break
      case 10, 13: lines.append([])
      default: lines[lines.count - 1].append(byte)
      }
      afterCR = byte == 13
    }
    return lines
  }
}

/// Reads a `text/event-stream` piece by piece. Pure: bytes in, events out.
package struct ServerSentEventParser: Sendable {
  package struct Limits: Hashable, Sendable {
    /// Bytes of one line.
    package var lineBytes: Int
    /// Bytes of one event's data.
    package var eventBytes: Int

    package init(lineBytes: Int = 16 << 20, eventBytes: Int = 16 << 20) {
      self.lineBytes = lineBytes
      self.eventBytes = eventBytes
    }
  }

  /// The last id that the stream gave, to resume with.
  package private(set) var lastEventID: String?
  /// The reconnection time that the stream asked for, in milliseconds.
  package private(set) var retry: Int?

  private let limits: Limits
  private var line: [UInt8] = []
  private var skipsLF = false
  private var isFirstLine = true
  private var type: String?
  private var data: [UInt8]?

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// The events that `bytes` completes.
  ///
  /// - Throws: `limit` for a line or event that is too long, `malformed` for bytes that are no
  ///   UTF-8. The parser is not usable afterwards.
  package mutating func feed(
    _ bytes: some Collection<UInt8>
  ) throws(NetworkError) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      if skipsLF {
        skipsLF = false
        if byte == 10 { continue }
      }
      if byte == 10 || byte == 13 {
        skipsLF = byte == 13
        if let event = try endLine() { events.append(event) }
      } else {
        guard line.count < limits.lineBytes else {
          throw NetworkError(.limit, "a line is longer than \(limits.lineBytes) bytes")
        }
        line.append(byte)
      }
    }
    return events
  }

  private mutating func endLine() throws(NetworkError) -> ServerSentEvent? {
    defer { line.removeAll(keepingCapacity: true) }
    var line = line[...]
    if isFirstLine {
      isFirstLine = false
      if line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
    }
    guard !line.isEmpty else { return try dispatch() }
    let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
    var value = line[colon...].dropFirst()
    if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
    try field(line[..<colon], value)
    return nil
  }

  private mutating func field(
    _ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
  ) throws(NetworkError) {
    if name.elementsEqual("data".utf8) {
      guard (data?.count ?? 0) + value.count < limits.eventBytes else {
        throw NetworkError(.limit, "an event is longer than \(limits.eventBytes) bytes")
      }
      data = data.map { $0 + [10] + value } ?? Array(value)
    } else if name.elementsEqual("event".utf8) {
      type = value.isEmpty ? nil : try text(value)
    } else if name.elementsEqual("id".utf8), !value.contains(0) {
      lastEventID = try text(value)
    } else if name.elementsEqual("retry".utf8), value.allSatisfy({ (48...57).contains($0) }) {
      retry = Int(try text(value)) ?? retry
    }
  }

  private mutating func dispatch() throws(NetworkError) -> ServerSentEvent? {
    defer {
      type = nil
      data = nil
    }
    guard let data else { return nil }
    return ServerSentEvent(id: lastEventID, event: type, data: try text(data[...]))
  }

  private func text(_ bytes: ArraySlice<UInt8>) throws(NetworkError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw NetworkError(.malformed, "the event stream is not UTF-8")
    }
    return text
  }
}

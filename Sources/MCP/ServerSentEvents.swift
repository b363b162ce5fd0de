package import JSON

/// Text of an event stream. Whatever the data holds, no line of it can become a field.
package enum ServerSentEvents {
  /// One event. Nil when `id` or `event` holds a line break or NUL, which the format cannot carry.
  package static func event(
    id: Text? = nil, event: Text? = nil, data: some Collection<UInt8>
  ) -> [UInt8]? {
    guard [id, event].allSatisfy({ $0?.utf8.allSatisfy(\.fitsAField) ?? true }) else { return nil }
    var out: [UInt8] = []
    if let id { out += field("id", id.utf8) }
    if let event { out += field("event", event.utf8) }
    for line in lines(Array(data)) { out += field("data", line) }
    out.append(UInt8(ascii: "\n"))
    return out
  }

  /// A message of the protocol as an event.
  package static func message(_ message: RPCMessage) -> [UInt8] {
    // One line without breaks: the writer escapes control characters.
    field("event", "message".utf8) + field("data", message.bytes) + [UInt8(ascii: "\n")]
  }

  /// A comment that keeps an idle connection open.
  package static let heartbeat: [UInt8] = Array(": \n\n".utf8)

  /// How long a client waits before it connects again, in milliseconds.
  package static func retry(milliseconds: UInt32) -> [UInt8] {
    Array("retry: \(milliseconds)\n\n".utf8)
  }

  private static func field(_ name: String, _ value: some Collection<UInt8>) -> [UInt8] {
    Array(name.utf8) + Array(": ".utf8) + value + [UInt8(ascii: "\n")]
  }

  /// Splits at CR LF, CR and LF, each of which a reader takes for a line break.
  private static func lines(_ data: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    var at = 0
    while at < data.count {
      let byte = data[at]
      guard byte == 0x0A || byte == 0x0D else {
        at += 1
        continue
      }
      lines.append(data[start..<at])
      at += byte == 0x0D && at + 1 < data.count && data[at + 1] == 0x0A ? 2 : 1
      start = at
    }
    return lines + [data[start...]]
  }
}

extension UInt8 {
  fileprivate var fitsAField: Bool { self != 0x0A && self != 0x0D && self != 0 }
}

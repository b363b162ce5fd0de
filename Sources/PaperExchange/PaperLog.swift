import JSON
import Time

/// What arrived and what was sent, as JSON Lines. The last lines stay in memory.
struct PaperLog: Sendable {
  private(set) var lines: [String] = []
  private var count = 0
  private var bytes = 0
  private let lineLimit: Int
  private let byteLimit: Int

  /// Keeps at most so many lines and bytes; the oldest lines go first.
  init(lines: Int, bytes: Int) {
    lineLimit = lines
    byteLimit = bytes
  }

  /// Adds an entry and returns its line.
  mutating func append(_ entry: JSONValue, at now: Timestamp) -> String {
    count += 1
    var object = JSONObject()
    object["n"] = .int(count)
    object["at"] = .int(now.milliseconds)
    for (key, value) in entry.objectValue?.members ?? [] { object[key] = value }
    let line = JSONWriter.text(of: .object(object))
    lines.append(line)
    bytes += line.utf8.count
    trim()
    return line
  }

  private mutating func trim() {
    guard lines.count > lineLimit || bytes > byteLimit else { return }
    // A tenth at once, so that a full log does not move all its lines for every new one.
    var dropped = 0
    while dropped < lines.count,
      lines.count - dropped > lineLimit * 9 / 10
        || bytes > byteLimit * 9 / 10
    {
      bytes -= lines[dropped].utf8.count
      dropped += 1
    }
    lines.removeFirst(dropped)
  }
}

import Foundation
import JSON
package import Logging
import Time

/// How lines of the log are written.
package enum LogFormat: String, CaseIterable, Sendable {
  /// For people: time, level, message, then `key=value`.
  case text
  /// For programs: one JSON object a line.
  case json
}

/// Writes log lines to standard error. Whatever a message or a value holds, it stays one line and
/// moves no cursor. A line that cannot be written is dropped: the work goes on.
package struct LogOutput: LogHandler {
  package var logLevel = Logger.Level.notice
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?

  private let format: LogFormat
  private let write: @Sendable ([UInt8]) -> Void

  package static let standardError: @Sendable ([UInt8]) -> Void = { line in
    try? FileHandle.standardError.write(contentsOf: Data(line))
  }

  /// - Parameter write: Takes whole lines; standard error by default.
  package init(
    _ format: LogFormat,
    write: @escaping @Sendable ([UInt8]) -> Void = LogOutput.standardError
  ) {
    self.format = format
    self.write = write
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var all = metadata
    all.merge(metadataProvider?.get() ?? [:]) { _, new in new }
    all.merge(event.metadata ?? [:]) { _, new in new }
    if let error = event.error { all["error"] = "\(error)" }
    let line = Line(
      time: SystemClock.now(), level: event.level, message: event.message.description,
      metadata: all)
    write((format == .json ? line.json : line.text) + [10])
  }

  struct Line {
    let time: Timestamp
    let level: Logger.Level
    let message: String
    let metadata: Logger.Metadata

    /// Names that metadata cannot take.
    private static let own: Set<String> = ["time", "level", "message"]

    var json: [UInt8] {
      var object: JSONObject = [
        "time": .timestamp(time), "level": .string(level.rawValue),
        "message": .string(LogLine.text(message)),
      ]
      for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
        object[Text(Self.own.contains(key) ? key + "_" : key)] = Self.json(value)
      }
      return JSONWriter.bytes(of: .object(object))
    }

    private static func json(_ value: Logger.Metadata.Value) -> JSONValue {
      switch value {
      case .string(let text): .string(LogLine.text(text))
      case .stringConvertible(let text): .string(LogLine.text(text.description))
      case .array(let all): .array(all.map(json))
      case .dictionary(let all):
        .object(
          all.sorted { $0.key < $1.key }.reduce(into: JSONObject()) {
            $0[Text($1.key)] = json($1.value)
          })
      }
    }

    var text: [UInt8] {
      let words = metadata.sorted { $0.key < $1.key }.map { key, value in
        "\(LogLine.text(key))=\(Self.quoted(value.description))"
      }
      return Array(
        (["\(time) \(level.rawValue) \(LogLine.text(message))"] + words).joined(separator: " ").utf8
      )
    }

    private static func quoted(_ value: String) -> String {
      let safe = LogLine.text(value)
      guard safe.isEmpty || safe.utf8.contains(where: { $0 == 32 || $0 == 34 || $0 == 61 }) else {
        return safe
      }
      return "\"\(safe.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
  }
}

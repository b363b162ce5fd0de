package import JSON

extension JSONCursor {
  /// An RFC 3339 moment.
  package func timestamp() throws(JSONError) -> Timestamp {
    let text = try string()
    guard let moment = Timestamp(rfc3339: text) else {
      throw bad("\"\(text)\" is no RFC 3339 time such as \"2026-11-22T19:40:42.117Z\"")
    }
    return moment
  }

  /// A length of time such as `"25s"` or `"15m"`.
  package func duration() throws(JSONError) -> Milliseconds {
    let text = try string()
    guard let length = Milliseconds(parsing: text) else {
      throw bad("\"\(text)\" is no length of time such as \"25s\" or \"15m\"")
    }
    return length
  }
}

extension JSONValue {
  package static func timestamp(_ moment: Timestamp) -> JSONValue { .string(moment.rfc3339) }
}

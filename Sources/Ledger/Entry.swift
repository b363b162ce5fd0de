package import JSON
package import Time

/// One entry of the log. Its canonical JSON is the data of its Merkle leaf.
///
/// `{"body":{…},"index":0,"kind":"held","subject":"cs_…","time":"2026-11-22T19:40:42.117Z"}`;
/// `subject` is left out when there is none.
package struct Entry: Hashable, Sendable {
  /// The place in the log, from 0.
  package let index: Int
  package let time: Timestamp
  /// What happened, in open vocabulary: `held`, `signed`, `approved`, `gap`, …
  package let kind: Text
  /// The id of the batch that it is about.
  package let subject: Text?
  package let body: JSONObject

  package init(
    index: Int, time: Timestamp, kind: Text, subject: Text? = nil, body: JSONObject = JSONObject()
  ) {
    self.index = index
    self.time = time
    self.kind = kind
    self.subject = subject
    self.body = body
  }

  /// The most bytes of `kind`.
  package static let kindLimit = 64
  /// The most bytes of `subject`.
  package static let subjectLimit = 128
  /// How large the canonical bytes of an entry may be: an agent's message with room around it.
  package static let limits = JSONLimits(
    bytes: 4 << 20, depth: 80, stringBytes: 2 << 20, numberBytes: 64, values: 1 << 18)

  /// RFC 8785 bytes; numbers in the body keep their text.
  package var canonicalBytes: [UInt8] { JSONWriter.canonicalBytes(of: json) }

  /// The entry of exactly its canonical bytes.
  ///
  /// Throws `badEntry` for bytes that are no entry and `notCanonical` for another spelling of one.
  package static func parse(_ bytes: [UInt8]) throws(LedgerError) -> Entry {
    let entry: Entry
    let json: JSONValue
    var isCanonical: Bool
    do throws(JSONError) {
      (json, isCanonical) = try JSONParser.parseWithForm(bytes, limits: limits)
      entry = try Entry(json: JSONCursor(json))
    } catch {
      throw LedgerError(.badEntry, error.description, fix: LedgerError.compareCopies)
    }
    // The one number that an entry itself writes anew: "-0" reads as 0.
    isCanonical = isCanonical && json.objectValue?["index"] == .int(entry.index)
    guard isCanonical else {
      throw LedgerError(
        .notCanonical, "the bytes are not the canonical form of what they say",
        index: entry.index, fix: LedgerError.compareCopies)
    }
    return entry
  }
}

extension Entry: JSONConvertible {
  private static let keys: Set<Text> = ["index", "time", "kind", "subject", "body"]

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: Self.keys)
    let moment = try json.member("time")
    let text = try moment.string()
    guard let time = Timestamp(rfc3339: text), time.rfc3339 == text else {
      throw moment.bad("not a time of the form 2026-11-22T19:40:42.117Z")
    }
    let index = try json.member("index").int(in: 0...Int.max)
    let kind = try json.member("kind").text(upTo: Self.kindLimit)
    var subject: Text?
    if try json.object()["subject"] != nil {
      subject = try json.member("subject").text(upTo: Self.subjectLimit)
    }
    let body = try json.member("body").object()
    self.init(index: index, time: time, kind: kind, subject: subject, body: body)
  }

  package var json: JSONValue {
    var object = JSONObject()
    object["body"] = .object(body)
    object["index"] = .int(index)
    object["kind"] = .string(kind)
    if let subject { object["subject"] = .string(subject) }
    object["time"] = .string(time.rfc3339)
    return .object(object)
  }
}

extension JSONCursor {
  /// A string of 1 to `limit` bytes.
  func text(upTo limit: Int) throws(JSONError) -> Text {
    let text = try text()
    guard (1...limit).contains(text.count) else {
      throw bad("\(text.count) bytes, this must have 1 to \(limit)")
    }
    return text
  }
}

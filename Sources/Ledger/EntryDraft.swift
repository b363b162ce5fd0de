package import Cryptography
package import JSON
package import Time

/// What a caller wants recorded; the appender gives it its index.
package struct EntryDraft: Hashable, Sendable {
  package var time: Timestamp
  package var kind: Text
  package var subject: Text?
  package var body: JSONObject

  package init(
    time: Timestamp, kind: Text, subject: Text? = nil, body: JSONObject = JSONObject()
  ) {
    self.time = time
    self.kind = kind
    self.subject = subject
    self.body = body
  }

  func entry(at index: Int) -> Entry {
    Entry(index: index, time: time, kind: kind, subject: subject, body: body)
  }
}

/// One entry that became part of the log; every one of them has to be stored.
package struct Appended: Hashable, Sendable {
  package let entry: Entry
  /// The canonical bytes: the data of the leaf.
  package let bytes: [UInt8]
  package let leafHash: Digest
  /// The position of its draft in the call's argument; nil for a `clock-stepped` entry that the
  /// ledger put before a draft.
  package let draft: Int?

  package var index: Int { entry.index }
}

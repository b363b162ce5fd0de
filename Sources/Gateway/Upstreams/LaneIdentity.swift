import JSON

/// What held calls are sent through, in a form that outlives this process.
enum LaneIdentity: Hashable, Sendable {
  /// A child's process group, which can be killed whole.
  case processes(ProcessGroupIdentity)
  /// A session over HTTP. What was sent through it cannot be called back by anybody here.
  case remote(Text)

  private static let remotePrefix: Text = "http:"

  /// A name for a new session, never used twice.
  static func newRemote() -> LaneIdentity {
    .remote(Text(remotePrefix.string + SessionTable.unguessableID().string))
  }

  /// Reads what `text` wrote; nil for anything else.
  init?(text: Text) {
    if text.hasPrefix(Self.remotePrefix) {
      self = .remote(text)
    } else if let group = ProcessGroupIdentity(text: text.string) {
      self = .processes(group)
    } else {
      return nil
    }
  }

  var text: Text {
    switch self {
    case .processes(let group): Text(group.text)
    case .remote(let text): text
    }
  }
}

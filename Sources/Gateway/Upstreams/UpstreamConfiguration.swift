package import JSON
package import Networking

/// How an upstream over stdio is started and how long it may take.
package struct UpstreamConfiguration: Hashable, Sendable {
  /// Variables that a child gets from the gateway's own environment; all others only by name.
  package static let inherited: Set<String> = [
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
  ]

  /// The endpoint name, for logs and errors.
  package var name: Text
  package var command: ChildCommand
  package var limits: ChildLimits
  /// Of this program, told to the upstream.
  package var version: Text
  /// Time from the start of the process to the first whole list of tools.
  package var handshakeTime: Duration
  /// Time that a child has after its input is closed, and again after SIGTERM.
  package var grace: Duration
  /// Calls that may wait for an answer at once.
  package var callLimit: Int
  /// Bytes of messages that wait to be written to a child that does not read.
  package var outboxBytes: Int

  package init(
    name: Text, command: ChildCommand, version: Text, limits: ChildLimits = ChildLimits(),
    handshakeTime: Duration = .seconds(60), grace: Duration = .seconds(2), callLimit: Int = 256,
    outboxBytes: Int = 8 << 20
  ) {
    self.name = name
    self.command = command
    self.version = version
    self.limits = limits
    self.handshakeTime = handshakeTime
    self.grace = grace
    self.callLimit = callLimit
    self.outboxBytes = outboxBytes
  }

  /// A command line with exactly the configured variables and the inherited ones of `parent`.
  ///
  /// Nil when `command` is empty.
  package static func command(
    _ command: [String], environment: [String: String], from parent: [String: String],
    directory: String? = nil
  ) -> ChildCommand? {
    guard let program = command.first else { return nil }
    return ChildCommand(
      program, Array(command.dropFirst()),
      environment: ChildCommand.environment(
        inheriting: inherited, from: parent, adding: environment),
      directory: directory)
  }
}

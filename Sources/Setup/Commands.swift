/// How the commands of one installation are written, ready to be pasted into a shell.
package struct Commands: Hashable, Sendable {
  /// The program as a shell finds it: a name on PATH, or a path.
  package var program: String
  /// Nil where it is the default, which need not be named.
  package var config: String?
  /// The configuration's path, also where it is the default.
  package var configPath: String

  package init(program: String, configPath: String, isDefault: Bool) {
    self.program = program
    self.configPath = configPath
    config = isDefault ? nil : configPath
  }

  /// `countersign WORDS… [--config FILE]`, each word quoted where a shell needs it.
  package func line(_ words: String...) -> String { line(words) }

  package func line(_ words: [String]) -> String {
    Self.shell([program] + words + (config.map { ["--config", $0] } ?? []))
  }

  /// A command that takes the configuration's path even where it is the default.
  package func naming(_ words: String...) -> String {
    Self.shell([program] + words + ["--config", configPath])
  }

  package static func shell(_ words: [String]) -> String {
    words.map(quoted).joined(separator: " ")
  }

  /// One word for a POSIX shell.
  package static func quoted(_ word: String) -> String {
    let plain = !word.isEmpty && word.utf8.allSatisfy(isPlain)
    return plain
      ? word
      : "'"
        + word.split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: #"'\''"#) + "'"
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      || "-_./:=@%+,".utf8.contains(byte)
  }
}

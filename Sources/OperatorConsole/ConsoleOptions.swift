package import Console
package import NcursesTerminal

/// How an operator wants the console.
package struct ConsoleOptions: Sendable {
  package var screen = Screen.Options.fromEnvironment
  package var keymap = Keymap.standard
  /// Rules and plots of ASCII alone.
  package var isASCII = false
  /// Lines instead of a screen.
  package var isPlain = false
  /// No bell.
  package var isQuiet = false
  package var notices = Notices.Style.none

  package init() {}
}

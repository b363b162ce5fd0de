import NcursesTerminal

/// Tells the operator outside of the terminal's cells that somebody waits: the window's title, and a
/// notice of the desktop. Only words of this program and numbers: never what an agent wrote.
package struct Notices: Sendable {
  /// How the terminal is asked for a notice.
  package enum Style: String, CaseIterable, Sendable {
    case none
    /// `OSC 9 ; words`: iTerm2, kitty, WezTerm, Windows Terminal and others.
    case osc9
    /// `OSC 777 ; notify ; title ; words`: urxvt, foot, Ghostty and others.
    case osc777
  }

  let style: Style

  func tell(waiting: Int, high: Int, on screen: Screen) {
    let words =
      "\(waiting) \(waiting == 1 ? "batch waits" : "batches wait")"
      + (high > 0 ? ", \(high) HIGH or worse" : "")
    switch style {
    case .none: return
    case .osc9: screen.send(command: "9;\(words)")
    case .osc777: screen.send(command: "777;notify;countersign;\(words)")
    }
  }
}

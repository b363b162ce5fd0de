/// A key that was pressed.
package enum Key: Hashable, Sendable {
  /// A printable scalar, the blank included. Combining marks come as scalars of their own.
  case character(Unicode.Scalar)
  case enter, escape, tab, backTab, backspace, delete
  case up, down, left, right, pageUp, pageDown, home, end
  /// F1 is 1.
  case function(Int)
  /// Control with a lower-case letter or one of `@ \ ] ^ _`.
  case control(Character)
}

extension Key: ExpressibleByUnicodeScalarLiteral {
  package init(unicodeScalarLiteral value: Unicode.Scalar) { self = .character(value) }
}

/// What the terminal, or the system about the terminal, has to tell.
package enum InputEvent: Hashable, Sendable {
  case key(Key)
  /// A paste starts. Its text is dropped; no keys come before `.pasteEnded`.
  case pasteBegan
  case pasteEnded
  case focusGained
  case focusLost
  case resized(Size)
  /// A whole escape sequence, a stray reply or bytes that mean no key; never a part of one.
  case unknownSequence
  /// The process was stopped and goes on; the screen has been taken again.
  case resumed
  /// A signal asks the program to end: its number.
  case terminate(Int32)
  /// The terminal is gone: no more input can come.
  case closed
}

/// Turns the bytes of a terminal into events, whole sequences at a time.
///
/// Bytes go in as they arrive; a sequence may be split anywhere. What only silence can decide (a
/// lone ESC, a reply that breaks off, a paste that never ends) waits for `flush`. A sequence that
/// is not known becomes one `.unknownSequence`; no byte of it becomes a key.
package struct InputDecoder: Sendable {
  /// Silence after which ESC alone is the Escape key.
  package static let escapeMilliseconds = 25
  /// Silence after which an unfinished sequence is given up.
  package static let sequenceMilliseconds = 200
  /// Silence after which a paste without an end is over.
  package static let pasteMilliseconds = 1_000
  /// Parameter bytes that are kept of a control sequence; the rest is consumed unread.
  package static let parameterLimit = 64

  private enum State: Equatable, Sendable {
    case ground
    case scalar(needed: Int, [UInt8])
    case escape
    case single
    case control([UInt8])
    case linuxFunction
    case mouse(left: Int)
    case string(endsAtBell: Bool)
    case stringEscape(endsAtBell: Bool)
  }

  private var state = State.ground
  private var isPasting = false
  private var events: [InputEvent] = []

  package init() {}

  /// The silence in milliseconds after which `flush` has something to say; nil when nothing waits.
  package var patience: Int? {
    if state == .escape { return InputDecoder.escapeMilliseconds }
    if state != .ground { return InputDecoder.sequenceMilliseconds }
    return isPasting ? InputDecoder.pasteMilliseconds : nil
  }

  /// The events that `bytes` complete.
  package mutating func decode(_ bytes: some Sequence<UInt8>) -> [InputEvent] {
    for byte in bytes { take(byte) }
    return drain()
  }

  /// To be called after `quiet` milliseconds without input.
  package mutating func flush(quiet: Int) -> [InputEvent] {
    guard let patience, quiet >= patience else { return [] }
    switch state {
    case .ground:
      isPasting = false
      events.append(.pasteEnded)
    case .escape: emit(.key(.escape))
    default: emit(.unknownSequence)
    }
    state = .ground
    return drain()
  }

  /// Forgets everything that is unfinished, as if nothing had been typed.
  package mutating func reset() { self = InputDecoder() }

  private mutating func drain() -> [InputEvent] {
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  /// Reports an event unless it is part of a paste.
  private mutating func emit(_ event: InputEvent) {
    if !isPasting { events.append(event) }
  }

  private mutating func finish(_ event: InputEvent) {
    state = .ground
    emit(event)
  }

  private mutating func take(_ byte: UInt8) {
    switch state {
    case .ground: takeGround(byte)
    case .scalar(let needed, let bytes): takeScalar(byte, needed: needed, bytes)
    case .escape: takeEscape(byte)
    case .single: takeSingle(byte)
    case .control(let parameters): takeControl(byte, parameters)
    case .linuxFunction: takeLinuxFunction(byte)
    case .mouse(let left) where left > 1: state = .mouse(left: left - 1)
    case .mouse: finish(.unknownSequence)
    case .string(let endsAtBell): takeString(byte, endsAtBell: endsAtBell)
    case .stringEscape(let endsAtBell): takeStringEscape(byte, endsAtBell: endsAtBell)
    }
  }
}

// MARK: plain bytes

extension InputDecoder {
  private mutating func takeGround(_ byte: UInt8) {
    switch byte {
    case 0x1B: state = .escape
    case 0..<0x20, 0x7F: emit(.key(InputDecoder.controlKey(byte)))
    case 0x20..<0x7F: emit(.key(.character(Unicode.Scalar(byte))))
    case 0xC2..<0xE0: state = .scalar(needed: 2, [byte])
    case 0xE0..<0xF0: state = .scalar(needed: 3, [byte])
    case 0xF0..<0xF5: state = .scalar(needed: 4, [byte])
    case 0x80..<0xA0: introduce(byte)
    default: emit(.unknownSequence)
    }
  }

  private mutating func takeScalar(_ byte: UInt8, needed: Int, _ bytes: [UInt8]) {
    guard byte & 0xC0 == 0x80 else {
      finish(.unknownSequence)
      return take(byte)
    }
    let all = bytes + [byte]
    guard all.count == needed else {
      state = .scalar(needed: needed, all)
      return
    }
    state = .ground
    let text = String(validating: all, as: UTF8.self)
    guard let scalar = text?.unicodeScalars.first else { return emit(.unknownSequence) }
    if (0x80..<0xA0).contains(scalar.value) { return introduce(UInt8(scalar.value)) }
    let isTypable = ScalarClass(scalar) != .escaped
    emit(isTypable ? .key(.character(scalar)) : .unknownSequence)
  }

  private static func controlKey(_ byte: UInt8) -> Key {
    switch byte {
    case 0x0D, 0x0A: .enter
    case 0x09: .tab
    case 0x08, 0x7F: .backspace
    case 0x01...0x1A: .control(Character(Unicode.Scalar(byte + 0x60)))
    default: .control(Character(Unicode.Scalar(byte + 0x40)))
    }
  }

  /// A C1 control, in one byte or as the scalar of the same number.
  private mutating func introduce(_ control: UInt8) {
    switch control {
    case 0x8F: state = .single
    case 0x9B: state = .control([])
    case 0x9D: state = .string(endsAtBell: true)
    case 0x90, 0x98, 0x9E, 0x9F: state = .string(endsAtBell: false)
    default: finish(.unknownSequence)
    }
  }
}

// MARK: sequences

extension InputDecoder {
  private mutating func takeEscape(_ byte: UInt8) {
    switch byte {
    case 0x1B: emit(.key(.escape))
    case UInt8(ascii: "["), UInt8(ascii: "O"), UInt8(ascii: "]"), UInt8(ascii: "P"),
      UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"):
      introduce(byte + 0x40)
    // Alt with a key: consumed whole, for an ESC before a key is also how a forged reply looks.
    default: finish(.unknownSequence)
    }
  }

  private mutating func takeSingle(_ byte: UInt8) {
    switch byte {
    case 0x1B:
      emit(.unknownSequence)
      state = .escape
    case UInt8(ascii: "M"): finish(.key(.enter))
    default: finish(InputDecoder.lettered(byte).map { .key($0) } ?? .unknownSequence)
    }
  }

  private mutating func takeControl(_ byte: UInt8, _ parameters: [UInt8]) {
    switch byte {
    case 0x1B:
      emit(.unknownSequence)
      state = .escape
    case 0x20..<0x40:
      let isFull = parameters.count >= InputDecoder.parameterLimit
      state = .control(isFull ? parameters : parameters + [byte])
    case UInt8(ascii: "[") where parameters.isEmpty: state = .linuxFunction
    case UInt8(ascii: "M") where parameters.isEmpty: state = .mouse(left: 3)
    case 0x40..<0x7F: endControl(byte, parameters)
    default: finish(.unknownSequence)
    }
  }

  private mutating func takeLinuxFunction(_ byte: UInt8) {
    guard (UInt8(ascii: "A")...UInt8(ascii: "E")).contains(byte) else {
      return finish(.unknownSequence)
    }
    finish(.key(.function(Int(byte - UInt8(ascii: "A")) + 1)))
  }

  private mutating func takeString(_ byte: UInt8, endsAtBell: Bool) {
    if byte == 0x1B {
      state = .stringEscape(endsAtBell: endsAtBell)
    } else if byte == 0x07 && endsAtBell {
      finish(.unknownSequence)
    }
  }

  private mutating func takeStringEscape(_ byte: UInt8, endsAtBell: Bool) {
    guard byte != UInt8(ascii: "\\") else { return finish(.unknownSequence) }
    emit(.unknownSequence)
    state = .escape
    takeEscape(byte)
  }

  private mutating func endControl(_ final: UInt8, _ parameters: [UInt8]) {
    state = .ground
    let text = String(decoding: parameters, as: UTF8.self)
    if final == UInt8(ascii: "~"), text == "200" {
      emit(.pasteBegan)
      isPasting = true
    } else if final == UInt8(ascii: "~"), text == "201" {
      let wasPasting = isPasting
      isPasting = false
      emit(wasPasting ? .pasteEnded : .unknownSequence)
    } else {
      emit(InputDecoder.event(final, text))
    }
  }

  private static func event(_ final: UInt8, _ parameters: String) -> InputEvent {
    switch (final, parameters) {
    case (UInt8(ascii: "I"), ""): .focusGained
    case (UInt8(ascii: "O"), ""): .focusLost
    case (UInt8(ascii: "Z"), ""): .key(.backTab)
    case (UInt8(ascii: "~"), _):
      Int(parameters).flatMap(numbered).map { .key($0) } ?? .unknownSequence
    case (_, ""): lettered(final).map { .key($0) } ?? .unknownSequence
    default: .unknownSequence
    }
  }

  private static func lettered(_ byte: UInt8) -> Key? {
    switch Unicode.Scalar(byte) {
    case "A": .up
    case "B": .down
    case "C": .right
    case "D": .left
    case "H": .home
    case "F": .end
    case "P": .function(1)
    case "Q": .function(2)
    case "R": .function(3)
    case "S": .function(4)
    default: nil
    }
  }

  private static func numbered(_ number: Int) -> Key? {
    switch number {
    case 1, 7: .home
    case 4, 8: .end
    case 3: .delete
    case 5: .pageUp
    case 6: .pageDown
    case 11...15: .function(number - 10)
    case 17...21: .function(number - 11)
    case 23, 24: .function(number - 12)
    default: nil
    }
  }
}

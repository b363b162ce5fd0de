#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where a passphrase comes from: the controlling terminal without echo, or a private file. Never
/// an argument or the environment, which others can read.
package enum Passphrase {
  static let limit = 1024

  /// The first line of a 0600 file.
  package static func fromFile(_ path: String) throws(OperatorClientError) -> String {
    let line = try PrivateFile.read(path).prefix { $0 != UInt8(ascii: "\n") }
    return try text(line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : Array(line))
  }

  /// Asks on /dev/tty. Throws `.passphrase` where there is no terminal, and after ^C.
  package static func fromTerminal(prompt: String) throws(OperatorClientError) -> String {
    let tty = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard tty >= 0 else {
      throw OperatorClientError(
        .passphrase, "there is no terminal to ask for the passphrase",
        fix: "use --passphrase-file with a 0600 file")
    }
    defer { close(tty) }
    var before = termios()
    guard tcgetattr(tty, &before) == 0 else {
      throw OperatorClientError(.passphrase, "the terminal does not say how it is set")
    }
    var silent = before
    // Signals are off too: ^C is read as a byte, so that echo always comes back.
    silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    write(tty, prompt)
    // Flushing drops what was typed before the question was on the screen.
    tcsetattr(tty, TCSAFLUSH, &silent)
    defer {
      tcsetattr(tty, TCSAFLUSH, &before)
      write(tty, "\n")
    }
    return try text(try line(of: tty))
  }

  private static func line(of tty: Int32) throws(OperatorClientError) -> [UInt8] {
    var typed: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(tty, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1, byte != 0x03, byte != 0x04 else {
        throw OperatorClientError(.passphrase, "no passphrase was given")
      }
      switch byte {
      case 0x0A, 0x0D: return typed
      case 0x08, 0x7F:
        while let last = typed.popLast(), last & 0xC0 == 0x80 {}
      case 0x15: typed = []
      default: if typed.count < limit { typed.append(byte) }
      }
    }
  }

  private static func write(_ tty: Int32, _ words: String) {
    let bytes = Array(words.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(tty, $0.baseAddress, $0.count) }
  }

  private static func text(_ bytes: [UInt8]) throws(OperatorClientError) -> String {
    guard !bytes.isEmpty, bytes.count <= limit,
      let text = String(validating: bytes, as: UTF8.self)
    else {
      throw OperatorClientError(
        .passphrase, "the passphrase is empty, longer than \(limit) bytes, or no UTF-8")
    }
    return text
  }
}

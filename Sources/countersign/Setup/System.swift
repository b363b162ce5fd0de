import CProcess
import Foundation
import Setup

/// What the system tells about files, users, the terminal and the clock.
enum System {
  static func status(_ path: String) -> FileFact.Status? {
    var found = stat()
    guard lstat(path, &found) == 0 else { return nil }
    return FileFact.Status(
      isDirectory: found.st_mode & S_IFMT == S_IFDIR,
      isRegular: found.st_mode & S_IFMT == S_IFREG, mode: Int(found.st_mode & 0o777),
      owner: Int(found.st_uid), ownerName: userName(of: found.st_uid) ?? "\(found.st_uid)",
      size: Int(found.st_size))
  }

  static func file(_ path: String) -> FileFact {
    let status = status(path)
    return FileFact(path: path, status: status, isMine: status?.owner == Int(geteuid()))
  }

  /// Whether something may be there that this user may not read.
  static func isClosed(_ path: String) -> Bool { access(path, R_OK) != 0 && errno == EACCES }

  static func userName(of user: uid_t) -> String? {
    guard let entry = getpwuid(user) else { return nil }
    return String(cString: entry.pointee.pw_name)
  }

  /// Whether somebody can log in as the user: root, or a user with a shell.
  static func isLogin(_ user: uid_t) -> Bool {
    guard let entry = getpwuid(user) else { return true }
    let shell = String(cString: entry.pointee.pw_shell)
    return !shell.hasSuffix("/nologin") && !shell.hasSuffix("/false")
  }

  /// Bytes that this user may still write; the nearest directory that is there counts.
  static func freeSpace(_ path: String) -> Int? {
    var place = path
    while status(place) == nil, place != "/" {
      place = (place as NSString).deletingLastPathComponent
    }
    var found = statvfs()
    guard statvfs(place, &found) == 0 else { return nil }
    return Int(clamping: UInt64(found.f_bavail) * UInt64(found.f_frsize))
  }

  static var clock: ClockFact {
    let answer = countersign_clock_is_synchronised()
    return ClockFact(isSynchronised: answer < 0 ? nil : answer == 1)
  }

  /// The process that holds an exclusive lock on a file, as the kernel lists it. Looking takes no
  /// lock: a gateway that starts meanwhile is not disturbed.
  static func lockHolder(_ path: String) -> GatewayFact.Lock {
    var found = stat()
    guard lstat(path, &found) == 0 else { return errno == ENOENT ? .free : .unknown }
    guard let list = try? String(contentsOfFile: "/proc/locks", encoding: .utf8) else {
      return .unknown
    }
    for line in list.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 6, words[1] == "FLOCK",
        words[5].split(separator: ":").last.map(String.init) == String(found.st_ino)
      else { continue }
      return .held(process: Int(words[4]).flatMap { $0 > 0 ? $0 : nil })
    }
    return .free
  }
}

/// The terminal of whoever typed the command, also where output goes elsewhere.
enum UserTerminal {
  /// Asks on /dev/tty with echo. Nil where there is no terminal.
  static func answer(_ question: String) -> String? {
    let tty = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard tty >= 0 else { return nil }
    let handle = FileHandle(fileDescriptor: tty, closeOnDealloc: true)
    try? handle.write(contentsOf: Data(question.utf8))
    // A terminal gives one line at a time.
    var line = [UInt8](repeating: 0, count: 1024)
    let count = read(tty, &line, line.count)
    return String(decoding: line.prefix(max(0, count)), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  static var fact: TerminalFact {
    let environment = ProcessInfo.processInfo.environment
    let term = environment["TERM"] ?? ""
    return TerminalFact(
      size: size, term: term,
      colours: description(of: term, environment).flatMap {
        TerminalDescription.colours($0)
      }, isUTF8: isUTF8(environment),
      asksForNoColour: environment["NO_COLOR"].map { !$0.isEmpty } ?? false)
  }

  /// Columns of what standard output goes to; nil where that is no terminal.
  static var width: Int? { windowSize?.columns }

  private static var size: (columns: Int, rows: Int)? { isatty(0) == 1 ? windowSize : nil }

  private static var windowSize: (columns: Int, rows: Int)? {
    guard isatty(1) == 1 else { return nil }
    var window = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &window) == 0 else { return nil }
    return (Int(window.ws_col), Int(window.ws_row))
  }

  private static func isUTF8(_ environment: [String: String]) -> Bool {
    let locale =
      ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }
      .first { !$0.isEmpty } ?? ""
    let upper = locale.uppercased()
    return upper.contains("UTF-8") || upper.contains("UTF8")
  }

  private static let standardPlaces = [
    "/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo",
  ]

  /// The compiled description that ncurses would find.
  private static func description(
    of term: String, _ environment: [String: String]
  ) -> [UInt8]? {
    guard let first = term.utf8.first, !term.contains("/") else { return nil }
    let places =
      [environment["TERMINFO"], environment["HOME"].map { $0 + "/.terminfo" }].compactMap(\.self)
      + (environment["TERMINFO_DIRS"] ?? "").split(separator: ":").map(String.init)
      + standardPlaces
    let letter = String(UnicodeScalar(first))
    for place in places {
      for folder in [letter, String(first, radix: 16)] {
        if let data = FileManager.default.contents(atPath: "\(place)/\(folder)/\(term)") {
          return Array(data.prefix(1 << 15))
        }
      }
    }
    return nil
  }
}

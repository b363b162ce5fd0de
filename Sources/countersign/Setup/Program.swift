import Foundation
import Setup

/// How people and other programs start this one.
enum Program {
  /// This program's own file.
  static var path: String {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    return own.hasSuffix("/exe") ? URL(fileURLWithPath: CommandLine.arguments[0]).path : own
  }

  /// The place on PATH where this program is found, its own file where it is on none.
  static var findable: String {
    guard let found = find("countersign") else { return path }
    return URL(fileURLWithPath: found).resolvingSymlinksInPath().path == path ? found : path
  }

  /// What a person types: a name where PATH leads here, else the path.
  static var word: String {
    find("countersign").map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path } == path
      ? "countersign" : path
  }

  /// What a program's name means to a child of this process; nil for nothing.
  static func find(_ name: String) -> String? {
    if name.contains("/") { return isProgram(name) ? name : nil }
    let list = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return list.split(separator: ":").map { "\($0)/\(name)" }.first(where: isProgram)
  }

  private static func isProgram(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && !isDirectory.boolValue && access(path, X_OK) == 0
  }

  static func commands(_ config: ConfigOptions) -> Commands {
    Commands(
      program: word, configPath: config.fullPath,
      isDefault: config.fullPath == URL(fileURLWithPath: ConfigOptions.defaultPath).path)
  }
}

extension ConfigOptions {
  /// The options as if `--config PATH` had been given.
  static func named(_ path: String) -> ConfigOptions {
    var options = ConfigOptions()
    options.config = path
    return options
  }
}

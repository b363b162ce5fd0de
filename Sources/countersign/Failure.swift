import ArgumentParser
import Foundation
import Gateway
import JSON
import OperatorConsole
import OperatorProtocol
import Storage

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How a command ends that cannot do what it was asked: a sentence on standard error and one of the
/// documented exit codes.
struct Failure: Error, CustomStringConvertible {
  static let refused: Int32 = 1
  static let badInput: Int32 = 2
  static let stale: Int32 = 3
  static let unreachable: Int32 = 4
  static let partly: Int32 = 5

  var code: Int32
  var message: String

  init(_ code: Int32, _ message: String) {
    self.code = code
    self.message = message
  }

  var description: String { message }

  /// Prints why, and exits.
  static func end(_ error: any Error) -> Never {
    let code = exitCode(error)
    if let code = error as? ExitCode { exit(code.rawValue) }
    let isParser = Countersign.exitCode(for: error) != .failure
    let text = isParser ? Countersign.fullMessage(for: error) : "countersign: \(error)"
    if code == 0 {
      print(text)
    } else {
      Standard.error(text)
    }
    exit(code)
  }

  private static func exitCode(_ error: any Error) -> Int32 {
    switch error {
    case let failure as Failure: failure.code
    case let error as OperatorClientError: error.code.exitCode
    case is JSONError, is Files.Failure, is StorageError: badInput
    default:
      switch Countersign.exitCode(for: error) {
      case .success: 0
      case .validationFailure: badInput
      default: refused
      }
    }
  }
}

/// Standard output and error.
enum Standard {
  static func error(_ text: String) {
    // Where nobody listens any more the work goes on.
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }

  /// One line that is on its way before the call returns: programs wait for it.
  static func line(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
  }

  /// JSON for programs: one document, keys in canonical order.
  static func json(_ value: JSONValue) { line(JSONWriter.canonicalText(of: value)) }
}

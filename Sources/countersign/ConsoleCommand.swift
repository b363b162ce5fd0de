import ArgumentParser
import Console
import Foundation
import Gateway
import NcursesTerminal
import OperatorConsole
import Terminal

struct ConsoleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "console", abstract: "Open the approval console.",
    discussion: """
      Keys can be changed in keys.toml beside the configuration. NO_COLOR is honoured.
      """)
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var look: LookOptions
  @Flag(help: "Lines instead of a screen: for screen readers and dumb terminals.")
  var plain = false
  @Option(
    name: .customLong("keys"), help: "The key file. Default: keys.toml beside the operator's key.",
    completion: .file(extensions: ["toml"]))
  var keyFile: String?

  func run() async throws {
    let keymap = try KeyFile.read(keyFile)
    // First of all: the program starts once more, and the passphrase is asked for once.
    if !plain { CrashReports.keepOffTheScreen() }
    let client = try gateway.client()
    _ = try await client.signIn()
    let memory = CheckpointMemory.standard(environment: ProcessInfo.processInfo.environment)
    var options = look.options(keymap)
    options.isPlain = plain
    do {
      try await OperatorConsole.run(client: client, memory: memory, options: options)
    } catch let error as ScreenError {
      throw Failure(Failure.badInput, "\(error)")
    }
  }
}

/// How the console looks and sounds.
struct LookOptions: ParsableArguments {
  @Option(
    help: "standard, colour-blind or light.", completion: .list(Theme.allCases.map(\.rawValue)))
  var theme = "standard"
  @Option(
    help: "As many colours at most: mono, 16 or 256. Default: what the terminal has.",
    completion: .list(["mono", "16", "256"]))
  var colours: String?
  @Flag(help: "Draw rules and plots with ASCII alone.") var ascii = false
  @Flag(help: "No bell.") var quiet = false
  @Option(
    help: "Tell the desktop of HIGH batches by the terminal: none, osc9 or osc777.",
    completion: .list(Notices.Style.allCases.map(\.rawValue)))
  var notify = "none"

  private static let depths: KeyValuePairs<String, ColourDepth> = [
    "mono": .mono, "16": .sixteen, "256": .indexed,
  ]

  func validate() throws {
    if Theme(rawValue: theme) == nil {
      throw ValidationError("--theme is standard, colour-blind or light")
    }
    if Notices.Style(rawValue: notify) == nil {
      throw ValidationError("--notify is none, osc9 or osc777")
    }
    if let colours, !Self.depths.contains(where: { $0.key == colours }) {
      throw ValidationError("--colours is mono, 16 or 256")
    }
  }

  func options(_ keymap: Keymap) -> ConsoleOptions {
    var options = ConsoleOptions()
    options.keymap = keymap
    options.screen.theme = Theme(rawValue: theme) ?? .standard
    options.screen.colours = colours.flatMap { name in
      Self.depths.first { $0.key == name }?.value
    }
    options.isASCII = ascii
    options.isQuiet = quiet
    options.notices = Notices.Style(rawValue: notify) ?? .none
    return options
  }
}

/// The operator's own keys.
enum KeyFile {
  /// The named file, which must be there, or the usual one, which need not.
  static func read(_ path: String?) throws -> Keymap {
    let usual = (GatewayOptions.defaultKey as NSString).deletingLastPathComponent + "/keys.toml"
    let file = path ?? usual
    if path == nil, !FileManager.default.fileExists(atPath: file) { return .standard }
    let bytes: [UInt8]
    do { bytes = try Files.read(file, limit: Keymap.fileLimit) } catch {
      throw Failure(Failure.badInput, "\(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(Failure.badInput, "\(file) is not UTF-8")
    }
    do throws(KeyFileError) {
      return try Keymap(file: text)
    } catch {
      throw Failure(Failure.badInput, "\(file), \(error)")
    }
  }
}

/// Swift's crash reporter asks questions on the terminal unless it is told not to before the program
/// starts; so the program starts itself once more with that setting.
enum CrashReports {
  private static let setting = "enable=yes,interactive=no,color=no,output-to="

  static func keepOffTheScreen() {
    guard getenv("SWIFT_BACKTRACE") == nil else { return }
    let directory = NSTemporaryDirectory()
    setenv("SWIFT_BACKTRACE", setting + directory, 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    execv("/proc/self/exe", arguments)
    // Without it the console works as well; only a crash would look worse.
  }
}

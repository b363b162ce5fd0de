import ArgumentParser
import Foundation
import Gateway
import JSON
import Setup

/// Writes the manual pages; `make install` uses it. They are made from the commands themselves.
struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual", abstract: "Write the manual pages.", shouldDisplay: false)

  @Argument(help: "A directory that is there.", completion: .directory) var directory: String

  func run() throws {
    let dump = try JSONParser.parse(
      Countersign._dumpHelp().utf8, limits: JSONLimits(bytes: 1 << 22))
    let pages = try ManualPage.all(of: dump, version: GatewayService.version.string)
    for page in pages {
      let place = URL(fileURLWithPath: directory).appendingPathComponent(page.name)
      try Data(page.text.utf8).write(to: place, options: .atomic)
    }
  }
}

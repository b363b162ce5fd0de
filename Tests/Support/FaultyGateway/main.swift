import Foundation
import Gateway
import JSON
import Logging

// A gateway that is wrong on purpose: it reports durable what it has only taken, so that calls are
// sent before the intent to send them is on disk. The crash tests must notice it.
//
// usage: faulty-gateway --config FILE

guard CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--config" else {
  FileHandle.standardError.write(Data("usage: faulty-gateway --config FILE\n".utf8))
  exit(2)
}
let file = URL(filePath: CommandLine.arguments[2])
let configuration = try Configuration(
  document: [UInt8](Data(contentsOf: file)), directory: file.deletingLastPathComponent().path())
let service = try GatewayService(
  configuration, environment: ProcessInfo.processInfo.environment,
  logger: Logger(label: "faulty", factory: { StreamLogHandler.standardError(label: $0) }),
  wrapping: { LateStore($0) })
try await service.run { agents, operators in
  let lines = """
    agents: http://127.0.0.1:\(agents)/mcp
    operators: http://127.0.0.1:\(operators)

    """
  FileHandle.standardOutput.write(Data(lines.utf8))
}

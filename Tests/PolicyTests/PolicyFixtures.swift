import Foundation
import JSON
import Time

@testable import Policy

let noon = Timestamp(milliseconds: 1_760_000_000_000)

/// A policy whose only tool is `t` with these rules.
func policy(_ rules: String, posture: String = "deny") throws -> Policy {
  try Policy.parse(
    #"{"version":"1","default":"\#(posture)","tools":{"t":{\#(rules)}}}"#.utf8)
}

func call(_ arguments: String = "{}", tool: Text = "t", agent: Text = "bot") -> Call {
  guard let object = try? JSONParser.parse(arguments).objectValue else { fatalError(arguments) }
  return Call(tool: tool, arguments: object, agent: agent)
}

extension Policy {
  func judge(_ call: Call) -> Verdict { judge(call, at: noon) }
}

/// The bytes of a file of the repository.
func repository(_ path: String) throws -> [UInt8] {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return [UInt8](try Data(contentsOf: root.appending(path: path)))
}

func shipped(_ name: String) throws -> Policy {
  try Policy.parse(repository("config/policies/\(name)"), catalogue: shippedCatalogue())
}

func shippedCatalogue() throws -> ToolCatalogue {
  try ToolCatalogue.parse(repository("config/catalogues/bybit.json"))
}

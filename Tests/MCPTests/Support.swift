import JSON
import Testing

@testable import MCP

/// The message that `text` is, which must be one.
func message(_ text: String) -> RPCMessage {
  do throws(RPCRefusal) {
    return try RPCMessage.decode(text.utf8, limits: .agent)
  } catch {
    Issue.record("no message: \(error.error)")
    return .notification("broken")
  }
}

func object(_ value: JSONValue) -> JSONObject { value.objectValue ?? JSONObject() }

func tool(_ name: Text) throws -> ToolDefinition {
  try ToolDefinition(
    json: JSONCursor(["name": .string(name), "inputSchema": ["type": "object"]]))
}

func tools(_ count: Int) throws -> [ToolDefinition] {
  try (0..<count).map { try tool("tool\($0)") }
}

import JSON

/// The tools of an upstream while its list is read page by page.
struct ToolListing: Sendable {
  private(set) var tools: [ToolDefinition] = []
  /// The list changed while it was read: read it again from the start.
  var isStale = false

  private var names: Set<Text> = []
  private var cursors: Set<Text> = []
  private var pages = 0

  /// Adds a page; returns the cursor of the next one, or nil at the end. Throws when a page is
  /// malformed, names a tool twice, or when the list does not end within the limits.
  mutating func add(
    _ outcome: RPCResponse.Outcome, pageLimit: Int, toolLimit: Int
  ) throws(MCPError) -> Text? {
    let result: JSONValue
    switch outcome {
    case .result(let value): result = value
    case .error(let error):
      throw MCPError(.refused, "the upstream refused to list its tools: \(error)")
    }
    do throws(JSONError) {
      let page = JSONCursor(result, path: JSONPath([.key("result")]))
      for element in try page.member("tools").elements() { try add(element, limit: toolLimit) }
      pages += 1
      guard let next = try page.optional("nextCursor") else { return nil }
      let cursor = try next.text()
      guard cursors.insert(cursor).inserted, pages < pageLimit else {
        throw JSONError(
          .limit, "the list does not end within \(pageLimit) different pages", at: next.path)
      }
      return cursor
    } catch {
      throw error.code == .limit
        ? MCPError(.limit, "the upstream's tools: \(error)")
        : MCPError(error, in: "the upstream's tools")
    }
  }

  private mutating func add(_ element: JSONCursor, limit: Int) throws(JSONError) {
    let tool = try ToolDefinition(json: element)
    guard names.insert(tool.name).inserted else {
      throw element.bad("the tool \"\(tool.name)\" is listed twice")
    }
    guard tools.count < limit else {
      throw JSONError(.limit, "more than \(limit) tools", at: element.path)
    }
    tools.append(tool)
  }
}

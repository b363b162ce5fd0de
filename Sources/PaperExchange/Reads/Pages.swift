import Exchange
import JSON

/// Lists that come page by page.
extension PaperCore {
  func page<T>(
    _ all: [T], _ query: Query, _ category: Category, most: Int, usual: Int,
    _ row: (T) -> JSONObject
  ) throws -> JSONValue {
    let limit = try query.int("limit", in: 1...most, default: usual)
    let start = try offset(of: query)
    let rows = all.dropFirst(start).prefix(limit).map { JSONValue.object(row($0)) }
    let isMore = start + rows.count < all.count
    return [
      "category": .string(category.rawValue), "list": .array(rows),
      "nextPageCursor": .string(isMore ? "page-\(start + rows.count)" : ""),
    ]
  }

  private func offset(of query: Query) throws(Refusal) -> Int {
    guard let cursor = query["cursor"] else { return 0 }
    guard cursor.hasPrefix("page-"), let offset = Int(cursor.string.dropFirst(5)), offset >= 0
    else { throw .parameter("params error: cursor is not one that was handed out") }
    return offset
  }
}

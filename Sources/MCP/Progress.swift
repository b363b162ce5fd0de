package import JSON

/// How far a request is: the parameters of `notifications/progress` without the token.
package struct Progress: Hashable, Sendable {
  package var progress: JSONNumber
  package var total: JSONNumber?
  package var message: Text?

  package init(_ progress: JSONNumber, of total: JSONNumber? = nil, message: Text? = nil) {
    self.progress = progress
    self.total = total
    self.message = message
  }

  package init(step: Int, of total: Int? = nil, message: Text? = nil) {
    self.init(
      JSONNumber(Int64(step)), of: total.map { JSONNumber(Int64($0)) }, message: message)
  }

  /// The token and the progress of a notification's parameters, or nil when they are malformed.
  static func read(_ params: JSONObject?) -> (token: ProgressToken, progress: Progress)? {
    guard let params, let token = params["progressToken"].flatMap(ProgressToken.init(json:)),
      case .number(let number)? = params["progress"]
    else { return nil }
    var progress = Progress(number)
    if case .number(let total)? = params["total"] { progress.total = total }
    progress.message = params["message"]?.textValue
    return (token, progress)
  }

  func params(token: ProgressToken) -> JSONObject {
    var params = JSONObject()
    params["progressToken"] = token.json
    params["progress"] = .number(progress)
    params["total"] = total.map(JSONValue.number)
    params["message"] = message.map(JSONValue.string)
    return params
  }

  /// Whether this comes after `earlier`: progress must rise with every notification.
  func rises(above earlier: JSONNumber?) -> Bool {
    guard let now = Double(progress.text), now.isFinite else { return false }
    guard let before = earlier.flatMap({ Double($0.text) }) else { return true }
    return now > before
  }
}

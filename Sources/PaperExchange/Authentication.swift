import Cryptography
import Exchange
import JSON
import Time

/// Signatures and receive windows.
extension PaperCore {
  static let defaultWindow = Milliseconds(5000)
  /// How far a client's clock may run ahead.
  static let ahead = Milliseconds(1000)

  /// The key that signed a REST request: HMAC-SHA256 over time, key, window and the raw payload.
  func authenticate(_ request: RestRequest, at now: Timestamp) throws -> PaperKey {
    guard let name = request.headers["x-bapi-api-key"],
      let time = request.headers["x-bapi-timestamp"],
      let sign = request.headers["x-bapi-sign"], !name.isEmpty, !time.isEmpty, !sign.isEmpty
    else {
      throw Refusal.parameter(
        "empty value: send X-BAPI-API-KEY, X-BAPI-TIMESTAMP and X-BAPI-SIGN")
    }
    guard let key = keys[Text(name)] else { throw Refusal.apiKey }
    let window = request.headers["x-bapi-recv-window"]
    try checkWindow(time: time, window: window, at: now)
    let payload = request.method == "GET" ? Array(request.query.utf8) : request.body
    let origin = Array((time + name + (window ?? "")).utf8) + payload
    guard Self.isSigned(origin, sign, key) else {
      let shown = String(decoding: origin.prefix(400), as: UTF8.self)
      throw Refusal(10004, "error sign! origin_string[\(shown)]")
    }
    return key
  }

  /// The key of an auth message `[key, expires, signature]`.
  func authenticate(_ message: JSONCursor, at now: Timestamp) throws -> PaperKey {
    let args = try message.member("args").elements()
    guard args.count == 3 else {
      throw Refusal.parameter("params error: args must be [key, expires, signature]")
    }
    guard let key = keys[try args[0].text()] else { throw Refusal.apiKey }
    let expires = try Self.digits(args[1])
    let moments = moments(at: now)
    guard let moment = Int64(expires), moments.contains(where: { moment > $0.milliseconds }) else {
      throw Refusal.parameter("params error: expires must lie in the future")
    }
    guard Self.isSigned(Array("GET/realtime\(expires)".utf8), try args[2].string(), key) else {
      throw Refusal(10004, "error sign!")
    }
    return key
  }

  /// server − window ≤ time < server + 1 s.
  func checkWindow(time: String, window: String?, at now: Timestamp) throws(Refusal) {
    let length = window.map { Int64($0) } ?? Self.defaultWindow.count
    guard let time = Int64(time), let length, (1...60_000).contains(length) else {
      throw .parameter("params error: timestamp and recv_window must be whole milliseconds")
    }
    let sent = Timestamp(milliseconds: time)
    let isTimely = moments(at: now).contains {
      sent >= $0 - Milliseconds(length) && sent < $0 + Self.ahead
    }
    guard isTimely else {
      throw Refusal(
        10002,
        """
        invalid request, please check your server timestamp or recv_window param. \
        req_timestamp[\(time.description)],server_timestamp[\(now.text)],\
        recv_window[\(length.description)]
        """)
    }
  }

  /// The moments by which a client's time is judged, one of which must fit. A stepped clock stands
  /// still, and clients take their time from their machine.
  private func moments(at now: Timestamp) -> [Timestamp] {
    clock.isStepped ? [now, clock.machine + clock.offset] : [now]
  }

  /// A whole number that may come as a number or as text.
  static func digits(_ cursor: JSONCursor) throws(JSONError) -> String {
    if case .number(let number) = cursor.value { return number.text }
    return try cursor.string()
  }

  private static func isSigned(_ origin: [UInt8], _ sign: String, _ key: PaperKey) -> Bool {
    let code = HMACSHA256.code(key: Array(key.secret.utf8), message: origin)
    return constantTimeEquals(Array(code.hex.utf8), Array(sign.utf8))
  }
}

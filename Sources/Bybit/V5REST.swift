package import JSON
package import Networking
import Synchronization
package import Time

/// The categories of V5.
package enum V5Category: String, Hashable, Sendable, CaseIterable {
  case spot, linear, inverse, option
}

/// The V5 REST API of one account at one base URL.
///
/// Replies with any `retCode` are returned; use `accepted()` where another than 0 is an error. What
/// throws is a `V5Error` about transport, status or shape. A read that was not answered, or was turned
/// down because of load or clock, is repeated a few times; what may change something never is.
package final class V5REST: Sendable {
  package struct Configuration: Sendable {
    package var base: WebURL
    package var credentials: V5Credentials?
    package var receiveWindow: Milliseconds
    package var timeout: Duration
    /// Sent as `User-Agent` and, where not empty, `X-Referer`.
    package var agent: String
    package var referer: String
    /// How often a read is asked again.
    package var retries = 2
    package var retryBackoff = V5Backoff(first: .milliseconds(200), ceiling: .seconds(2))
    /// Waits of retries and of the exchange's rate limits.
    package var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    package init(
      base: WebURL, credentials: V5Credentials?, receiveWindow: Milliseconds = .seconds(5),
      timeout: Duration = .seconds(10), agent: String = "countersign", referer: String = ""
    ) {
      self.base = base
      self.credentials = credentials
      self.receiveWindow = receiveWindow
      self.timeout = timeout
      self.agent = agent
      self.referer = referer
    }
  }

  /// The exchange's clock minus ours, and how wrong that can be.
  package struct ClockOffset: Hashable, Sendable {
    package var offset: Milliseconds
    package var error: Milliseconds
    package var measured: Timestamp
  }

  private let configuration: Configuration
  private let http: HTTPClient
  private let now: @Sendable () -> Timestamp
  private let clock = Mutex<ClockOffset?>(nil)
  private let budget = Mutex(V5RateBudget())

  package init(
    _ configuration: Configuration, http: HTTPClient, now: @escaping @Sendable () -> Timestamp
  ) {
    self.configuration = configuration
    self.http = http
    self.now = now
  }

  /// The last measured offset; requests are signed with it.
  package var clockOffset: ClockOffset? { clock.withLock { $0 } }

  /// Measures the offset by one `GET /v5/market/time`.
  @discardableResult
  package func synchroniseClock() async throws -> ClockOffset {
    let before = now()
    let reply = try await get("/v5/market/time", signed: false).accepted()
    let after = now()
    guard let server = reply.time else {
      throw V5Error(.malformed, "the exchange did not tell its time")
    }
    let half = Milliseconds((after - before).count / 2)
    let measured = ClockOffset(
      offset: server - (before + half), error: Milliseconds(half.count + 1), measured: after)
    clock.withLock { $0 = measured }
    return measured
  }

  // MARK: Any path

  /// A GET. Empty values are sent as they are; leave out what is not asked.
  package func get(
    _ path: String, _ query: [(name: String, value: String)] = [], signed: Bool = true
  ) async throws -> V5Reply {
    let text = V5Query.text(of: query)
    var attempt = 0
    while true {
      let outcome: Result<V5Reply, V5Error>
      do {
        outcome = .success(try await once(path, text, signed: signed))
      } catch {
        outcome = .failure(V5Error.network(error))
      }
      guard attempt < configuration.retries, Self.isWorthAsking(outcome), !Task.isCancelled else {
        return try outcome.get()
      }
      if case .success(let reply) = outcome, reply.retCode == .outsideReceiveWindow {
        _ = try? await synchroniseClock()
      }
      let random = UInt64(bitPattern: now().milliseconds)
      try? await configuration.sleep(
        configuration.retryBackoff.wait(attempt: attempt, random: random))
      attempt += 1
    }
  }

  /// One read, signed with the clock of now.
  private func once(_ path: String, _ query: String, signed: Bool) async throws -> V5Reply {
    if signed { await waitForBudget(of: path) }
    let headers = try headers(signed: signed, payload: Array(query.utf8))
    return try await exchange(.get, path, query: query.isEmpty ? nil : query, headers, body: nil)
  }

  /// Whether asking the same again may bring another answer.
  private static func isWorthAsking(_ outcome: Result<V5Reply, V5Error>) -> Bool {
    switch outcome {
    case .success(let reply):
      return [.tooManyVisits, .serverError, .outsideReceiveWindow].contains(reply.retCode)
    case .failure(let error):
      if let status = error.httpStatus { return status == 429 || status >= 500 }
      // What could not be reached at all is the caller's to say; a lost answer is asked for again.
      return error.code == .network && error.delivery == .ambiguous
        && error.network?.code != .deadline
    }
  }

  private func waitForBudget(of path: String) async {
    let moment = now() + (clockOffset?.offset ?? .zero)
    let wait = budget.withLock { $0.take(path, at: moment) }
    if wait > .zero { try? await configuration.sleep(.milliseconds(wait.count)) }
  }

  /// A signed POST whose body is `body` in its own member order.
  package func post(_ path: String, _ body: JSONValue) async throws -> V5Reply {
    let bytes = JSONWriter.bytes(of: body)
    await waitForBudget(of: path)
    var headers = try headers(signed: true, payload: bytes)
    headers.add("Content-Type", "application/json")
    return try await exchange(.post, path, query: nil, headers, body: bytes)
  }

  private func headers(signed: Bool, payload: [UInt8]) throws(V5Error) -> HTTPFields {
    var fields: HTTPFields = ["User-Agent": configuration.agent]
    if !configuration.referer.isEmpty { fields.add("X-Referer", configuration.referer) }
    guard signed else { return fields }
    guard let credentials = configuration.credentials else {
      throw V5Error(
        .noKey, "this request needs an exchange key", fix: "set the key and the secret",
        delivery: .notSent)
    }
    let signer = V5Signer(credentials, receiveWindow: configuration.receiveWindow)
    let moment = now() + (clockOffset?.offset ?? .zero)
    for (name, value) in signer.headers(at: moment, payload: payload) { fields.add(name, value) }
    return fields
  }

  private func exchange(
    _ verb: HTTPVerb, _ path: String, query: String?, _ headers: HTTPFields, body: [UInt8]?
  ) async throws -> V5Reply {
    let response: HTTPResponse
    do {
      response = try await http.request(
        verb, configuration.base.appending(path, query: query), headers: headers, body: body,
        deadline: .now + configuration.timeout)
    } catch {
      throw V5Error.network(error)
    }
    noteBudget(of: path, response.headers)
    guard (200..<300).contains(response.status) else { throw Self.status(response) }
    return try V5Reply(envelope: Self.json(response.body))
  }

  private func noteBudget(of path: String, _ headers: HTTPFields) {
    guard let left = headers["X-Bapi-Limit-Status"].flatMap({ Int($0) }),
      let resets = headers["X-Bapi-Limit-Reset-Timestamp"].flatMap({ Int64($0) })
    else { return }
    budget.withLock { $0.note(path, left: left, resets: Timestamp(milliseconds: resets)) }
  }

  private static func json(_ bytes: [UInt8]) throws(V5Error) -> JSONValue {
    do throws(JSONError) {
      return try JSONParser.parse(bytes, limits: .peer)
    } catch {
      throw V5Error(.malformed, "the answer is no JSON: \(error)")
    }
  }

  /// Characters of an error body that are repeated.
  private static let shownBody = 300

  private static func status(_ response: HTTPResponse) -> V5Error {
    let text = String(decoding: response.body.prefix(shownBody), as: UTF8.self)
    return V5Error(.status, text, httpStatus: response.status)
  }
}

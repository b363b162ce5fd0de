package import JSON
import Networking
package import Time

/// One command on a trade socket of its own, as the official server does it: open, sign in, send
/// one request, take the first frame of the same `op`, close.
package struct V5TradeSocket: Sendable {
  /// How a command ended without an answer.
  package enum Failure: Error, Sendable {
    /// The socket did not open: nothing was sent.
    case notOpened(V5Error)
    /// Signing in was refused with this frame: nothing was sent.
    case authRefused(JSONValue)
    /// No answer in time: the orders may exist.
    case timedOut
    /// The connection broke: the orders may exist if `sent`.
    case closed(sent: Bool)
  }

  package let configuration: V5Socket.Configuration
  /// From the open socket to the answer.
  package let timeout: Duration
  /// For the upgrade.
  package let connectTimeout: Duration

  package init(
    _ configuration: V5Socket.Configuration, timeout: Duration = .seconds(5),
    connectTimeout: Duration = .seconds(10)
  ) {
    self.configuration = configuration
    self.timeout = timeout
    self.connectTimeout = connectTimeout
  }

  /// - Parameters:
  ///   - operation: Such as `order.create-batch`.
  ///   - argument: The one element of `args`.
  ///   - now: The wall clock, for the header and the signature.
  /// - Returns: The whole reply frame, whatever its `retCode` says.
  package func request(
    _ operation: Text, _ argument: JSONValue, id: Text, now: @escaping @Sendable () -> Timestamp
  ) async throws(Failure) -> JSONValue {
    let socket = try await open()
    let sent = Flag()
    let outcome = await withTaskGroup(of: Result<JSONValue, Failure>.self) { group in
      group.addTask { await talk(on: socket, operation, argument, id, now, sent) }
      group.addTask {
        try? await Task.sleep(for: timeout)
        return .failure(.timedOut)
      }
      let first = await group.next() ?? .failure(.timedOut)
      group.cancelAll()
      socket.abort()
      return first
    }
    return try outcome.get()
  }

  private func open() async throws(Failure) -> V5Socket {
    do {
      return try await V5Socket.open(configuration, .trade, deadline: .now + connectTimeout)
    } catch {
      throw .notOpened(V5Error.network(error))
    }
  }

  private func talk(
    on socket: V5Socket, _ operation: Text, _ argument: JSONValue, _ id: Text,
    _ now: @Sendable () -> Timestamp, _ sent: Flag
  ) async -> Result<JSONValue, Failure> {
    do {
      try await socket.authenticate(configuration, at: now())
      sent.raise()
      try await socket.send(Self.frame(operation, argument, id, at: now()))
      while let frame = try await socket.next() {
        if frame["op"]?.textValue == operation { return .success(frame) }
      }
    } catch let error as V5Error where error.code == .authRefused {
      let frame = try? JSONParser.parse(error.message.utf8, limits: .peer)
      return .failure(.authRefused(frame ?? .string(error.message)))
    } catch {
      return .failure(.closed(sent: sent.isRaised))
    }
    return .failure(.closed(sent: sent.isRaised))
  }

  static func frame(
    _ operation: Text, _ argument: JSONValue, _ id: Text, at moment: Timestamp
  ) -> JSONValue {
    [
      "reqId": .string(id),
      "header": [
        "X-BAPI-TIMESTAMP": .string(String(moment.milliseconds)), "X-BAPI-RECV-WINDOW": "5000",
      ],
      "op": .string(operation),
      "args": .array([argument]),
    ]
  }
}

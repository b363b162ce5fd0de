import JSON
import Networking
import Testing
import Time
import V5Stub

@testable import Bybit

@Suite struct V5TradeSocketTests {
  private func request(
    _ stub: V5Stub, timeout: Duration = .seconds(60)
  ) async throws(V5TradeSocket.Failure) -> JSONValue {
    guard let base = try? WebURL(stub.streamURL) else { throw .timedOut }
    let socket = V5TradeSocket(
      V5Socket.Configuration(base: base, credentials: V5Credentials(key: "K", secret: "S")),
      timeout: timeout)
    return try await socket.request(
      "order.create-batch", ["category": "linear", "request": []], id: "req-1",
      now: { Timestamp(milliseconds: 1_700_000_000_000) })
  }

  @Test func oneRequestOneReply() async throws {
    let reply: JSONValue = ["reqId": "req-1", "retCode": 10016, "op": "order.create-batch"]
    let stub = try await V5Stub(socket: { path, frame in
      frame["op"] == "auth"
        ? V5Stub.polite(path, frame)
        : [.send(["op": "pong", "retCode": 0]), .send(reply)]
    })
    #expect(try await request(stub) == reply)
    #expect(
      stub.frames.last?.frame == [
        "reqId": "req-1",
        "header": ["X-BAPI-TIMESTAMP": "1700000000000", "X-BAPI-RECV-WINDOW": "5000"],
        "op": "order.create-batch", "args": [["category": "linear", "request": []]],
      ])
    await stub.stop()
  }

  @Test func aRefusedSignInSendsNothing() async throws {
    let stub = try await V5Stub(socket: { _, _ in
      [.send(["retCode": 10004, "retMsg": "sign", "op": "auth"])]
    })
    await #expect {
      try await request(stub)
    } throws: { error in
      guard case V5TradeSocket.Failure.authRefused(let frame) = error else { return false }
      return frame["retCode"] == 10004
    }
    #expect(stub.frames.count == 1)
    await stub.stop()
  }

  @Test func silenceAndClosingAreUnknownOutcomes() async throws {
    let silent = try await V5Stub(socket: { path, frame in
      frame["op"] == "auth" ? V5Stub.polite(path, frame) : []
    })
    await #expect {
      try await request(silent, timeout: .milliseconds(500))
    } throws: { error in
      guard case V5TradeSocket.Failure.timedOut = error else { return false }
      return true
    }
    let closing = try await V5Stub(socket: { path, frame in
      frame["op"] == "auth" ? V5Stub.polite(path, frame) : [.close]
    })
    await #expect {
      try await request(closing)
    } throws: { error in
      guard case V5TradeSocket.Failure.closed(sent: true) = error else { return false }
      return true
    }
    await silent.stop()
    await closing.stop()
  }

  @Test func nobodyThereIsNotOpened() async throws {
    let stub = try await V5Stub()
    await stub.stop()
    await #expect {
      try await request(stub)
    } throws: { error in
      guard case V5TradeSocket.Failure.notOpened(let reason) = error else { return false }
      return reason.delivery == .notSent
    }
  }
}

import Cryptography
import JSON
import Networking
import OperatorProtocol
import Synchronization
import Testing
import Time

@testable import OperatorConsole

@Suite struct OperatorClientTests {
  @Test func `signs in with the key and reads the queue with the token`() async throws {
    let gateway = Samples.gateway { _ in .json(["batches": [Samples.batch.json]]) }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url + "/", key: operatorKey)
    #expect(try await client.batches() == [Samples.batch])
    #expect(
      gateway.requests.map(\.target)
        == [OperatorRoute.challenge, OperatorRoute.session, OperatorRoute.batches])
    #expect(gateway.requests.last?.headers["authorization"] == "Bearer t-1")
    #expect(gateway.requests.first?.headers["authorization"] == nil)
  }

  @Test func `another key is not let in`() async throws {
    let gateway = Samples.gateway { _ in .json([:]) }
    defer { gateway.stop() }
    let other = OperatorKey(
      name: "ops1", key: try SigningKey(seed: [UInt8](repeating: 8, count: 32)))
    let client = try OperatorClient(gateway: gateway.url, key: other)
    let error = await #expect(throws: OperatorClientError.self) {
      try await client.signIn()
    }
    #expect(error?.code == .unauthenticated)
    #expect(error?.exitCode == 1)
  }

  @Test func `an expired token is renewed once`() async throws {
    let isFirst = Mutex(true)
    let gateway = Samples.gateway { _ in
      isFirst.withLock { first in
        defer { first = false }
        return first ? .refusal(.unauthenticated, "expired") : .json(Samples.status.json)
      }
    }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    #expect(try await client.status() == Samples.status)
    #expect(gateway.requests.count == 6)
  }

  @Test func `definitions that do not match their fingerprints are not shown`() async throws {
    let old: JSONObject = ["name": "a/b"]
    let tool = ToolView(
      upstream: "u", tool: "a/b", state: .drifted,
      accepted: SHA256.hash(JSONWriter.canonicalBytes(of: .object(old))),
      seen: SHA256.hash([1]), revision: 1)
    let gateway = Samples.gateway { _ in
      .json(ToolDefinitions(tool: tool, old: old, new: ["name": "other"]).json)
    }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    let error = await #expect(throws: OperatorClientError.self) {
      try await client.toolDefinitions("u", "a/b")
    }
    #expect(error?.code == .badAnswer)
    #expect(gateway.requests.last?.target == "/v1/tools/drift/u/a%2Fb")
  }

  @Test func `an acceptance is signed over its canonical bytes`() async throws {
    let tool = ToolView(
      upstream: "u", tool: "t", state: .drifted, accepted: SHA256.hash([0]),
      seen: SHA256.hash([1]), revision: 1)
    let gateway = Samples.gateway { _ in .json(["tool": tool.json]) }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    let acceptance = ToolAcceptance(
      of: tool, new: SHA256.hash([1]), reason: "read it", operatorName: "ops1",
      decidedAt: Timestamp(milliseconds: 1))
    #expect(try await client.accept(acceptance) == tool)
    let sent = try #require(gateway.requests.last?.json)
    let text = try #require(sent["signature"]?.stringValue)
    let signature = try #require(Signature(base64: text))
    #expect(operatorKey.key.publicKey.verify(signature, of: acceptance.signedBytes))
    #expect(try ToolAcceptance(json: JSONCursor(sent["acceptance"] ?? .null)) == acceptance)
  }

  @Test func `a decision is signed over its canonical bytes`() async throws {
    let gateway = Samples.gateway { _ in .json(["batch": Samples.batch.json]) }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    #expect(try await client.decide(Samples.decision, cooling: false) == Samples.batch)
    let sent = try #require(gateway.requests.last)
    var body = try #require(sent.json.objectValue)
    #expect(body["cooling"] == false)
    body["cooling"] = nil
    let signed = try SignedDecision(json: JSONCursor(.object(body)))
    #expect(signed.decision == Samples.decision)
    #expect(signed.isSigned(by: operatorKey.key.publicKey))
    #expect(sent.verb == "POST")
  }

  @Test func `a halt is signed`() async throws {
    let gateway = Samples.gateway { _ in .json(Samples.status.json) }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    let order = HaltOrder(
      freezes: true, operatorName: "ops1", reason: "news", decidedAt: noon, nonce: "n")
    #expect(try await client.halt(order) == Samples.status)
    let body = try #require(gateway.requests.last).json
    let signature = try #require(Signature(base64: body["signature"]?.stringValue ?? ""))
    #expect(operatorKey.key.publicKey.verify(signature, of: order.signedBytes))
  }

  @Test func `pages of the ledger, orders and the checkpoint are read`() async throws {
    let gateway = Samples.gateway { request in
      switch request.target {
      case "/v1/ledger?from=5&limit=2":
        .json(["entries": [["index": 5], ["index": 6]], "size": 9])
      case OperatorRoute.checkpoint: .json(["checkpoint": "gw\n9\nAA==\n", "vkey": "gw+1+x"])
      case OperatorRoute.orders: .json(["orders": [], "fills": []])
      default: .refusal(.notFound, request.target)
      }
    }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    let page = try await client.ledger(from: 5, limit: 2)
    #expect(page.size == 9)
    #expect(page.entries.map { $0["index"] } == [5, 6])
    #expect(try await client.checkpoint().verifierKey == "gw+1+x")
    #expect(try await client.orders().orders.isEmpty)
  }

  @Test(arguments: [
    (OperatorRefusal.Code.stale, Int32(3)), (.refused, 1), (.notFound, 1), (.forbidden, 1),
    (.unavailable, 4),
  ])
  func `a refusal has its code and words`(code: OperatorRefusal.Code, exit: Int32) async throws {
    let gateway = Samples.gateway { _ in .refusal(code, "because") }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    let error = await #expect(throws: OperatorClientError.self) {
      try await client.decide(Samples.decision)
    }
    #expect(error?.exitCode == exit)
    #expect(error?.refusal == OperatorRefusal(code, "because"))
  }

  @Test func `nobody there is unreachable`() async throws {
    let gateway = Samples.gateway { _ in .json([:]) }
    gateway.stop()
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    let error = await #expect(throws: OperatorClientError.self) { try await client.status() }
    #expect(error?.code == .unreachable)
    #expect(error?.exitCode == 4)
  }

  @Test(arguments: ["<html>", #"{"token":1}"#, #"{"token":"a","token":"b"}"#])
  func `what is no gateway is said to be none`(body: String) async throws {
    let gateway = StubGateway { _ in StubGateway.Response(body: body) }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    let error = await #expect(throws: OperatorClientError.self) { try await client.status() }
    #expect(error?.code == .badAnswer)
  }

  @Test func `events arrive in order with their ids`() async throws {
    let gateway = Samples.gateway { _ in
      var text = ": hello\n\n"
      for (id, event) in [
        (41, OperatorEvent.batch(Samples.batch)), (42, .status(Samples.status)), (43, .reset),
      ] {
        text += "id: \(id)\nevent: \(event.name)\ndata: \(JSONWriter.text(of: event.payload))\n\n"
      }
      return StubGateway.Response(type: "text/event-stream", body: text)
    }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    var events: [OperatorEvent] = []
    var ids: [String?] = []
    for try await event in try await client.events(after: "40") {
      events.append(try OperatorClient.event(event))
      ids.append(event.id)
    }
    #expect(events == [.batch(Samples.batch), .status(Samples.status), .reset])
    #expect(ids == ["41", "42", "43"])
    #expect(gateway.requests.last?.headers["last-event-id"] == "40")
  }

  @Test func `the stream of events signs in again where the gateway has forgotten the session`()
    async throws
  {
    let isFirst = Mutex(true)
    let gateway = Samples.gateway { _ in
      isFirst.withLock { first in
        defer { first = false }
        return first
          ? .refusal(.unauthenticated, "expired")
          : StubGateway.Response(
            type: "text/event-stream", body: "id: 1\nevent: reset\ndata: {}\n\n")
      }
    }
    defer { gateway.stop() }
    let client = try OperatorClient(gateway: gateway.url, key: operatorKey)
    var ids: [String?] = []
    for try await event in try await client.events(after: nil) { ids.append(event.id) }
    #expect(ids == ["1"])
  }

  @Test func `an event that is not understood is an error`() {
    #expect(throws: OperatorClientError.self) {
      try OperatorClient.event(ServerSentEvent(id: "1", event: "surprise", data: "{}"))
    }
  }
}

import Console
import JSON
import Networking
import OperatorProtocol
import Synchronization
import Time

/// The console's side of the network: reads, decisions and the stream of events.
///
/// **Concurrency model.** `run` owns everything in one task group: one task keeps the event stream,
/// one works off the reads, one the decisions, so that a rejection never waits behind a page of the
/// ledger. Results go to the mailbox. Requests come through two bounded streams.
final class ConsoleLink: Sendable {
  /// Requests that wait; more are answered with a refusal.
  static let queueLimit = 256
  static let shortestPause = 0.5
  static let longestPause = 20.0

  enum Request: Sendable {
    case detail(BatchID)
    case all
    case ledger(from: Int, limit: Int)
    case checkpoint
    case decide(Decision, cooling: Bool)
    case halt(HaltOrder.Verb, agent: Text?, reason: String)
    case page(ConsolePage)
    case tool(ToolName)
    case accept(ToolAcceptance)

    var isDecision: Bool {
      switch self {
      case .decide, .halt, .accept: true
      case .detail, .all, .ledger, .checkpoint, .page, .tool: false
      }
    }
  }

  private let client: OperatorClient
  private let memory: CheckpointMemory?
  private let mailbox: Mailbox
  private let reads: AsyncStream<Request>
  private let decisions: AsyncStream<Request>
  private let readInlet: AsyncStream<Request>.Continuation
  private let decisionInlet: AsyncStream<Request>.Continuation
  private let gateway = Mutex("?")

  init(client: OperatorClient, memory: CheckpointMemory?, mailbox: Mailbox) {
    self.client = client
    self.memory = memory
    self.mailbox = mailbox
    (reads, readInlet) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(Self.queueLimit))
    (decisions, decisionInlet) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(Self.queueLimit))
  }

  /// Takes a request; its outcome comes through the mailbox.
  func ask(_ request: Request) {
    let outcome = (request.isDecision ? decisionInlet : readInlet).yield(request)
    if case .enqueued = outcome { return }
    refuse(request, "too many requests wait already; try again")
  }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.follow() }
      group.addTask { for await request in self.reads { await self.answer(request) } }
      group.addTask { for await request in self.decisions { await self.answer(request) } }
      await group.waitForAll()
    }
  }

  // MARK: The event stream

  private func follow() async {
    var last: String?
    var failures = 0
    while !Task.isCancelled {
      do {
        let grant = try await client.signIn()
        mailbox.post(.signedIn(operatorName: client.key.name, role: grant.role))
        let stream = try await client.events(after: last)
        let status = try await client.status()
        gateway.withLock { $0 = status.gateway.string }
        mailbox.post(.feed(.status(status)))
        mailbox.post(.linkUp)
        await checkLedger()
        failures = 0
        for try await event in stream {
          if let id = event.id { last = id }
          mailbox.post(.feed(try OperatorClient.event(event)))
        }
        mailbox.post(.linkDown("the gateway ended the connection"))
      } catch {
        mailbox.post(.linkDown("\(error)"))
      }
      failures += 1
      try? await Task.sleep(for: Self.pause(after: failures))
    }
  }

  /// Doubles up to the longest pause; the jitter keeps many consoles from coming back at once.
  static func pause(after failures: Int) -> Duration {
    let full = min(longestPause, shortestPause * Double(1 << min(failures, 10)))
    return .milliseconds(Int(full * Double.random(in: 500...1000)))
  }

  private func checkLedger() async {
    let name = gateway.withLock { $0 }
    if let memory, let old = memory.lastSeen(of: name), let size = old.size, size > 0 {
      return await continueLedger(old, of: size, memory)
    }
    guard let found = try? await client.checkpoint() else { return }
    mailbox.post(.checkpoint(found.text))
    guard let memory else { return }
    let seen = CheckpointMemory.Seen(
      gateway: name, checkpoint: found.text, verifierKey: found.verifierKey)
    if let warning = memory.remember(seen) { mailbox.post(.notice("LEDGER: \(warning)")) }
  }

  /// Demands the proof that the ledger is the one that was seen before, only longer.
  private func continueLedger(
    _ old: CheckpointMemory.Seen, of size: Int, _ memory: CheckpointMemory
  ) async {
    do {
      let next = try await client.consistency(from: size)
      mailbox.post(.checkpoint(next.checkpoint))
      if let warning = memory.advance(old, to: next.checkpoint, proof: next.proof) {
        mailbox.post(.notice("LEDGER: \(warning)"))
      }
    } catch {
      mailbox.post(.notice("LEDGER: it is not shown to continue what was seen before: \(error)"))
    }
  }

  // MARK: Requests

  private func answer(_ request: Request) async {
    do { try await perform(request) } catch { refuse(request, "\(error)") }
  }

  private func perform(_ request: Request) async throws {
    switch request {
    case .detail(let id): mailbox.post(.detail(try await client.batch(id)))
    case .all:
      mailbox.post(.queue(try await client.batches()))
      let book = try await client.orders()
      mailbox.post(.orders(book.orders, book.fills))
    case .ledger(let from, let limit):
      let page = try await client.ledger(from: from, limit: limit)
      mailbox.post(.ledgerPage(entries: page.entries, size: page.size))
    case .checkpoint: await checkLedger()
    case .decide(let decision, let cooling):
      var decision = decision
      decision.nonce = Self.nonce()
      let row = try await client.decide(
        decision, cooling: decision.verb == .approve ? cooling : nil)
      mailbox.post(.answered(decision.batch, decision.verb, .done(row)))
    case .halt(let verb, let agent, let reason):
      let order = HaltOrder(
        verb, agent: agent, operatorName: client.key.name, reason: reason,
        decidedAt: WallClock.now, nonce: Self.nonce())
      if verb == .cancelAll {
        mailbox.post(.cancelAnswered(.done(try await client.cancelAll(order))))
      } else {
        mailbox.post(.haltAnswered(.done(try await client.halt(order))))
      }
    case .page(let page): mailbox.post(try await read(page))
    case .tool(let name):
      mailbox.post(.toolDefinitions(try await client.toolDefinitions(name.upstream, name.tool)))
    case .accept(var acceptance):
      acceptance.decidedAt = WallClock.now
      mailbox.post(.toolAnswered(name(of: acceptance), .done(try await client.accept(acceptance))))
    }
  }

  private func read(_ page: ConsolePage) async throws -> ConsoleEvent {
    switch page {
    case .exposure: .exposure(try await client.exposure())
    case .agents: .agents(try await client.agents())
    case .limits: .limits(try await client.limits())
    case .policy: .policy(try await client.policy())
    case .tools: .tools(try await client.tools())
    }
  }

  private func name(of acceptance: ToolAcceptance) -> ToolName {
    ToolName(upstream: acceptance.upstream, tool: acceptance.tool)
  }

  private func refuse(_ request: Request, _ why: String) {
    switch request {
    case .detail(let id): mailbox.post(.detailFailed(id, why))
    case .decide(let decision, _):
      mailbox.post(.answered(decision.batch, decision.verb, .refused(why)))
    case .halt(.cancelAll, _, _): mailbox.post(.cancelAnswered(.refused(why)))
    case .halt: mailbox.post(.haltAnswered(.refused(why)))
    case .page(let page): mailbox.post(.pageFailed(page, why))
    case .tool(let name): mailbox.post(.toolFailed(name, why))
    case .accept(let acceptance): mailbox.post(.toolAnswered(name(of: acceptance), .refused(why)))
    case .ledger:
      mailbox.post(.ledgerPage(entries: [], size: 0))
      mailbox.post(.notice("the ledger cannot be read: \(why)"))
    case .all, .checkpoint: mailbox.post(.notice("reading failed: \(why)"))
    }
  }

  /// 16 random bytes in hexadecimal.
  static func nonce() -> Text {
    var random = SystemRandomNumberGenerator()
    let digits = Array("0123456789abcdef".utf8)
    let bytes = (0..<32).map { _ in digits[Int(random.next(upperBound: UInt64(16)))] }
    return Text(String(decoding: bytes, as: UTF8.self))
  }
}

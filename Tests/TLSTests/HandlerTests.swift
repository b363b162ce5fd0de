import Foundation
import NIOCore
import NIOEmbedded
import Testing

@testable import TLS

@Suite("TLS: the handler")
struct HandlerTests {
  @Test(
    "a handshake and bytes both ways, however the client's bytes are cut", arguments: [1, 7, 4096])
  func anyPieces(_ piece: Int) throws {
    let party = try Party()
    try party.shakeHands(piece: piece)
    #expect(party.outcome != nil && party.failure == nil)
    try party.clientWrites("hello")
    try party.deliver(piece: piece)
    #expect(party.seen.buffers.map { String(buffer: $0) } == ["hello"])
    try party.channel.writeOutbound(ByteBuffer(string: "welcome"))
    #expect(String(buffer: try party.clientReads()) == "welcome")
  }

  @Test("an answer of many records arrives as it was written")
  func manyRecords() throws {
    let party = try Party()
    try party.shakeHands()
    let answer = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    try party.channel.writeOutbound(ByteBuffer(bytes: answer))
    #expect(try party.clientReads() == ByteBuffer(bytes: answer))
  }

  @Test("nothing counts as written before what came before it, an empty buffer neither")
  func writesInOrder() throws {
    let party = try Party()
    try party.shakeHands()
    var done: [String] = []
    let channel = party.channel
    channel.write(ByteBuffer(string: "body")).assumeIsolated().whenSuccess { done.append("body") }
    channel.write(ByteBuffer()).assumeIsolated().whenSuccess { done.append("end") }
    #expect(done.isEmpty)
    channel.flush()
    #expect(done == ["body", "end"])
    #expect(String(buffer: try party.clientReads()) == "body")
  }

  @Test("records of a single byte do not hold the memory of whole ones")
  func smallRecords() throws {
    let party = try Party()
    try party.shakeHands()
    for _ in 0..<100 { try party.clientWrites("x") }
    try party.deliver()
    #expect(party.seen.buffers.count == 100)
    #expect(party.seen.buffers.allSatisfy { $0.storageCapacity <= 64 })
  }

  @Test("what follows the peer's end of TLS is heard by nobody and kept nowhere")
  func nothingBehindTheEnd() throws {
    let party = try Party()
    try party.shakeHands()
    try party.clientWrites("last")
    party.client.endOutput()
    try party.deliver()
    for _ in 0..<100 {
      party.channel.pipeline.fireChannelRead(ByteBuffer(repeating: 23, count: 65_536))
    }
    #expect(party.seen.heard == ["read last", "inputClosed"])
    #expect(party.server.undecrypted == 0)
    try party.channel.writeOutbound(ByteBuffer(string: "answer"))
    #expect(String(buffer: try party.clientReads()) == "answer")
  }

  @Test("a handler that closes while it reads hears nothing more of what was decrypted with it")
  func closesWhileReading() throws {
    let party = try Party { $0.onRead = { $0.close(promise: nil) } }
    try party.shakeHands()
    for word in ["one", "two", "three"] { try party.clientWrites(word) }
    try party.deliver()
    #expect(party.seen.heard == ["read one", "inactive"])
    // The client learns of it properly.
    _ = party.client.feed(try party.fromServer())
    guard case .ended = party.client.read(ByteBufferAllocator()) else {
      Issue.record("the client did not get the end of TLS")
      return
    }
  }

  // MARK: The end

  @Test("when both have ended their half the socket is closed", arguments: [true, false])
  func bothHalves(_ clientIsFirst: Bool) throws {
    let party = try Party()
    try party.shakeHands()
    func clientEnds() throws {
      party.client.endOutput()
      try party.deliver()
    }
    if clientIsFirst { try clientEnds() }
    try party.channel.writeOutbound(ByteBuffer(string: "all of it"))
    try party.channel.close(mode: .output).wait()
    #expect(party.channel.isActive == !clientIsFirst)
    if !clientIsFirst { try clientEnds() }
    #expect(!party.channel.isActive)
    #expect(party.seen.heard == ["inputClosed", "inactive"])
    #expect(String(buffer: try party.clientReads()) == "all of it")
  }

  @Test("a cut connection is an error first, then inactive")
  func cut() throws {
    let party = try Party()
    try party.shakeHands()
    try party.clientWrites("half")
    try party.deliver()
    try party.channel.close().wait()
    // Closed from here: no error.
    #expect(party.seen.heard == ["read half", "inactive"])

    let other = try Party()
    try other.shakeHands()
    other.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(
      other.seen.heard == [
        "error the connection was cut: the peer did not end TLS", "inactive",
      ])
  }

  @Test("with the proper end before it no error is told")
  func properEnd() throws {
    let party = try Party(halfClosure: false)
    try party.shakeHands()
    party.client.endOutput()
    try party.deliver()
    #expect(party.seen.heard == ["inputClosed", "inactive"])
  }

  @Test("a slow handshake ends at its limit, and its promises with it")
  func slow() throws {
    let party = try Party(limit: .seconds(3))
    var written: (any Error)?
    party.channel.write(ByteBuffer(string: "early")).assumeIsolated().whenFailure { written = $0 }
    party.channel.embeddedEventLoop.advanceTime(by: .milliseconds(2999))
    #expect(party.seen.heard.isEmpty)
    party.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
    #expect(party.seen.heard.first?.contains("the TLS handshake was not complete") == true)
    #expect((written as? TLSError)?.code == .slow)
    #expect(party.failure?.code == .slow)
  }

  @Test("a reset during the handshake is told as what it is")
  func reset() throws {
    let party = try Party()
    party.channel.pipeline.fireErrorCaught(IOError(errnoCode: ECONNRESET, reason: "read"))
    #expect(party.failure?.message.contains("during the TLS handshake") == true)
    #expect(party.seen.heard.last == "inactive")
  }

  @Test("a socket that breaks under the handshake's last bytes is an end, and nothing comes after")
  func breaksWhenDone() throws {
    let party = try Party()
    while case .needsInput = party.client.handshake() {
      try party.deliver()
      if let error = party.client.feed(try party.fromServer()) { throw error }
    }
    try party.clientWrites("too late")
    party.socket.isBroken = true
    try party.deliver()
    #expect(party.seen.heard.last == "inactive")
    #expect(!party.seen.heard.contains("read too late"))
  }

  @Test("a socket that breaks under the alert does not hide the reason")
  func breaksUnderTheAlert() throws {
    let party = try Party()
    party.socket.isBroken = true
    party.channel.pipeline.fireChannelRead(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
    #expect(party.failure?.code == .notTLS)
    #expect(party.seen.heard.count == 2)
    #expect(party.seen.heard.first?.contains("does not speak TLS") == true)
    #expect(party.seen.heard.last == "inactive")
  }

  @Test("a close during the handshake leaves no promise behind")
  func closedEarly() throws {
    let party = try Party()
    _ = party.client.handshake()
    try party.deliver(piece: 40)
    var written: (any Error)?
    party.channel.write(ByteBuffer(string: "early")).assumeIsolated().whenFailure { written = $0 }
    try party.channel.close().wait()
    #expect(written != nil)
    #expect(party.failure != nil)
  }

  @Test("a ClientHello with one changed byte never brings it down", arguments: 0..<40)
  func mutated(_ seed: Int) throws {
    for at in stride(from: seed, to: 240, by: 40) {
      let party = try Party()
      _ = party.client.handshake()
      var hello = try #require(party.fromClient())
      let old = try #require(hello.getInteger(at: at, as: UInt8.self))
      hello.setInteger(old ^ UInt8(truncatingIfNeeded: 1 + seed * 7), at: at)
      party.channel.pipeline.fireChannelRead(hello)
      party.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
      #expect(party.outcome != nil, "byte \(at)")
      #expect(!party.channel.isActive)
    }
  }
}

import Foundation
import NIOCore
import NIOEmbedded

@testable import TLS

/// An authority and what it has signed, for every test.
enum Papers {
  /// libssl asks the machine's clock.
  static func now() -> Int64 { Int64(Date().timeIntervalSince1970) }

  static func authority() throws -> (CertificateAuthority, TLSTrust) {
    let pair = try CertificateAuthority.make(name: "root", now: now())
    return (
      try CertificateAuthority(certificate: pair.certificate, key: pair.key),
      try TLSTrust(authorities: [pair.certificate], includingSystem: false)
    )
  }

  static func identity(
    _ purpose: CertificateAuthority.Purpose, of authority: CertificateAuthority, days: Int = 825
  ) throws -> TLSIdentity {
    let pair = try authority.issue(purpose, now: now(), days: days)
    return try TLSIdentity(certificates: pair.certificate, key: pair.key)
  }

  /// A certificate that `openssl req` signs with its own key, and the trust in it.
  static func selfSigned(
    common: String, names: String?
  ) throws -> (identity: TLSIdentity, trust: TLSTrust) {
    let command = Process()
    command.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    command.arguments =
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", "-", "-out", "-", "-days", "2", "-subj", "/CN=\(common)",
      ] + (names.map { ["-addext", "subjectAltName=\($0)"] } ?? [])
    let output = Pipe()
    (command.standardOutput, command.standardError) = (output, FileHandle.nullDevice)
    try command.run()
    let pem = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    command.waitUntilExit()
    return (
      try TLSIdentity(certificates: pem, key: pem),
      try TLSTrust(authorities: [pem], includingSystem: false)
    )
  }
}

/// A server's handler in a channel without a socket, and a client that is libssl alone.
final class Party {
  let channel: EmbeddedChannel
  let client: TLSConnection
  /// The handler's side.
  let server: TLSConnection
  /// How the handshake ended; nil while nobody knows.
  private(set) var outcome: Result<Void, any Error>?
  let seen: Recorder
  let socket = Socket()
  private let allocator = ByteBufferAllocator()

  init(
    limit: Duration = .seconds(10), halfClosure: Bool = true,
    above: @escaping (Recorder) -> Void = { _ in }
  ) throws {
    let (authority, trust) = try Papers.authority()
    let identity = try Papers.identity(.server(names: ["localhost"]), of: authority)
    client = try .client(.client(trust: trust), host: "localhost", isAddress: false)
    channel = EmbeddedChannel()
    let promise = channel.eventLoop.makePromise(of: Void.self)
    seen = Recorder()
    above(seen)
    let settings = TLSHandler.Settings(
      handshakeLimit: limit, allowsHalfClosure: halfClosure, wrap: { $0 })
    server = try .server(.server(identity))
    try channel.pipeline.syncOperations.addHandlers([
      socket, TLSHandler(server, settings, secured: promise), seen,
    ])
    promise.futureResult.assumeIsolated().whenComplete { self.outcome = $0 }
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  /// Why the handshake failed.
  var failure: TLSError? {
    guard case .failure(let error)? = outcome else { return nil }
    return error as? TLSError
  }

  /// Ciphertext of the client, if it has any.
  func fromClient() -> ByteBuffer? { client.takeOutput(allocator) }

  /// What the handler has sent, as one buffer.
  func fromServer() throws -> ByteBuffer {
    var all = ByteBuffer()
    while var one = try channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&one) }
    return all
  }

  /// Lets both speak until the client is done; its bytes go in pieces of `piece`.
  func shakeHands(piece: Int = .max) throws {
    for _ in 0..<10 {
      let step = client.handshake()
      try deliver(piece: piece)
      if case .done = step { return }
      if let error = client.feed(try fromServer()) { throw error }
    }
  }

  /// Hands the client's ciphertext to the handler.
  func deliver(piece: Int = .max) throws {
    guard var bytes = fromClient() else { return }
    while let part = bytes.readSlice(length: min(piece, bytes.readableBytes)),
      part.readableBytes > 0
    {
      channel.pipeline.fireChannelRead(part)
    }
  }

  /// Everything that the client can decrypt now.
  func clientReads() throws -> ByteBuffer {
    if let error = client.feed(try fromServer()) { throw error }
    var all = ByteBuffer()
    while case .bytes(var one) = client.read(allocator) { all.writeBuffer(&one) }
    return all
  }

  func clientWrites(_ text: String) throws {
    if let error = client.write(ByteBuffer(string: text)) { throw error }
  }
}

/// The handler below TLS: a socket that can break, which shows at the next flush.
final class Socket: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  var isBroken = false

  /// A half is closed here alone: channels without a socket have no halves.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode == .output { promise?.succeed() } else { context.close(mode: mode, promise: promise) }
  }

  func flush(context: ChannelHandlerContext) {
    if isBroken { context.close(promise: nil) } else { context.flush() }
  }
}

/// The handler above TLS: writes down what it hears, in order.
final class Recorder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private(set) var heard: [String] = []
  private(set) var buffers: [ByteBuffer] = []
  var onRead: ((ChannelHandlerContext) -> Void)?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    buffers.append(bytes)
    heard.append("read \(String(buffer: bytes))")
    onRead?(context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    heard.append("\(event)")
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    heard.append("error \((error as? TLSError)?.message ?? "\(error)")")
  }

  func channelInactive(context: ChannelHandlerContext) { heard.append("inactive") }
}

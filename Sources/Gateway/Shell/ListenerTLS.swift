import JSON
import Logging
import NIOCore
import Synchronization
import TLS

/// TLS of both listeners: reads the files, and again when they have changed.
///
/// Concurrency model: `reload` is called by one task; connections take what counts at the time.
final class ListenerTLS: Sendable {
  /// Bytes of a file with certificates or a key.
  static let fileLimit = 1 << 20
  /// Seconds before its end from which a certificate is warned about.
  private static let soon: Int64 = 14 * 86_400

  private struct Contents: Equatable {
    var certificate: [UInt8]
    var key: [UInt8]
    var clients: [UInt8]?

    init(_ files: Configuration.ListenerFiles) throws {
      certificate = try Files.read(files.certificate, limit: fileLimit)
      key = try Files.secretBytes(files.key, limit: fileLimit)
      clients = try files.clientAuthority.map { try Files.read($0, limit: fileLimit) }
    }
  }

  private enum Look: Equatable {
    case contents(Contents)
    case unreadable(String)

    init(_ files: Configuration.ListenerFiles) {
      do { self = .contents(try Contents(files)) } catch { self = .unreadable("\(error)") }
    }

    func get() throws -> Contents {
      switch self {
      case .contents(let contents): return contents
      case .unreadable(let words): throw Files.Failure(words)
      }
    }
  }

  private struct Looks {
    var last: Look
    var judged: Look

    /// Whether `look` is to be judged: new, and the same twice, since a replacement of several
    /// files takes several steps.
    mutating func isDue(_ look: Look) -> Bool {
      defer { last = look }
      guard look == last, look != judged else { return false }
      judged = look
      return true
    }
  }

  private let files: Configuration.ListenerFiles
  private let agents: TLSServer
  private let operators: TLSServer
  private let looks: Mutex<Looks>
  private let logger: Logger
  /// Names and addresses of the certificate as a Host header has them.
  let hosts: [Text]

  /// Throws with the file's name when one cannot be read or used.
  init(_ files: Configuration.ListenerFiles, now: Int64, logger: Logger) throws {
    self.files = files
    self.logger = logger
    let contents = try Contents(files)
    let made = try Self.contexts(contents, files)
    looks = Mutex(Looks(last: .contents(contents), judged: .contents(contents)))
    hosts = Self.hosts(of: made.identity.certificate)
    agents = TLSServer(made.agents) { Self.tell(logger, "an agent", $0, $1) }
    operators = TLSServer(made.operators) { Self.tell(logger, "a console", $0, $1) }
    warn(made.identity.certificate, now: now)
  }

  private static func contexts(
    _ contents: Contents, _ files: Configuration.ListenerFiles
  ) throws -> (agents: TLSContext, operators: TLSContext, identity: TLSIdentity) {
    do {
      let identity = try TLSIdentity(certificates: contents.certificate, key: contents.key)
      let clients = try contents.clients.map {
        try TLSTrust(authorities: [$0], includingSystem: false)
      }
      return (try .server(identity), try .server(identity, clients: clients), identity)
    } catch {
      throw Files.Failure("\(files.certificate) and the files beside it in \"tls\": \(error)")
    }
  }

  /// As a Host header has them. Only A to Z are folded: no other letter may become one of them.
  private static func hosts(of certificate: CertificateView) -> [Text] {
    certificate.names.map { name in
      let lower = name.utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }
      return name.contains(":") ? Text("[\(name)]") : Text(String(decoding: lower, as: UTF8.self))
    }
  }

  /// Takes new files into use; what cannot be used leaves the old ones in force.
  func reload(now: Int64) {
    let look = Look(files)
    guard looks.withLock({ $0.isDue(look) }) else { return }
    do {
      let made = try Self.contexts(try look.get(), files)
      agents.replace(made.agents)
      operators.replace(made.operators)
      logger.notice(
        "new certificate in use", metadata: ["subject": "\(made.identity.certificate.subject)"])
      warn(made.identity.certificate, now: now)
    } catch {
      logger.error("the new certificate is not used", metadata: ["error": "\(error)"])
    }
  }

  private func warn(_ certificate: CertificateView, now: Int64) {
    let unanswered = Self.hosts(of: certificate).filter { !hosts.contains($0) }
    if !unanswered.isEmpty {
      logger.warning(
        "the new certificate has names that are answered only after a restart",
        metadata: ["names": "\(unanswered.map(\.string).joined(separator: " "))"])
    }
    let left = certificate.notAfter - now
    guard left < Self.soon else { return }
    logger.warning(
      left < 0
        ? "the listeners' certificate has expired; run `countersign cert renew`"
        : "the listeners' certificate expires in \(left / 86_400) days; run `countersign cert renew`"
    )
  }

  private static func tell(_ logger: Logger, _ who: String, _ error: TLSError, _ peer: String) {
    logger.info(
      "TLS of \(who) failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
  }

  // MARK: For the listeners

  func secureAgents(_ channel: any Channel) throws { try agents.install(on: channel) }

  func secureOperators(_ channel: any Channel) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture { try operators.install(on: channel) }
  }
}

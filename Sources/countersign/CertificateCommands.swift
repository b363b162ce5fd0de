import ArgumentParser
import Foundation
import Gateway
import OperatorConsole
import TLS
import Time

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

struct CertificateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cert", abstract: "Make and look at the certificates of the listeners' TLS.",
    subcommands: [
      CertificateInit.self, CertificateRenew.self, CertificateClient.self, CertificateShow.self,
    ])
}

/// The directory with the authority's and the gateway's files.
struct CertificateDirectory: ParsableArguments {
  @Option(
    help: "Where the files are. Default: tls in the configuration's directory.",
    completion: .directory)
  var directory: String?

  /// Absolute: the configuration's own relative paths start elsewhere.
  var path: String { URL(fileURLWithPath: directory ?? ConfigOptions.home + "/tls").path }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Nothing is written when one of several files is there already.
  func demandFree(_ names: String...) throws {
    for path in names.map(file) where FileManager.default.fileExists(atPath: path) {
      throw Failure(
        Failure.badInput,
        "\(path) exists and is not overwritten; give another --directory, or move it away")
    }
  }

  func authority() throws -> CertificateAuthority {
    let certificate = try Files.read(file("ca.pem"))
    let key = try Files.secretBytes(file("ca.key"), limit: 1 << 16)
    return try CertificateMaking.explained { () throws(TLSError) in
      try CertificateAuthority(certificate: certificate, key: key)
    }
  }
}

struct CertificateDays: ParsableArguments {
  @Option(help: "Days for which it counts, 1 to 825.")
  var days = 397

  func validate() throws {
    guard (1...CertificateAuthority.longestDays).contains(days) else {
      throw ValidationError("--days takes 1 to \(CertificateAuthority.longestDays)")
    }
  }
}

struct CertificateInit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a private authority and the gateway's certificate.",
    discussion: """
      Writes ca.pem, ca.key, server.pem and server.key. The certificate is for localhost, \
      127.0.0.1, ::1, this machine's name, and every NAME. Nothing is overwritten.
      """)

  @OptionGroup var place: CertificateDirectory
  @OptionGroup var life: CertificateDays
  @Argument(help: "Host names and numeric addresses by which the gateway is reached.")
  var names: [String] = []

  func run() async throws {
    let now = CertificateMaking.now
    let names = CertificateMaking.unique(
      self.names + ["localhost", "127.0.0.1", "::1"] + CertificateMaking.machine)
    let made = try CertificateMaking.explained { () throws(TLSError) in
      let root = try CertificateAuthority.make(name: "Countersign private authority", now: now)
      let authority = try CertificateAuthority(certificate: root.certificate, key: root.key)
      return (root, try authority.issue(.server(names: names), now: now, days: life.days))
    }
    try place.demandFree("ca.key", "ca.pem", "server.key", "server.pem")
    try PrivateFile.create(place.file("ca.key"), made.0.key)
    try PrivateFile.create(place.file("ca.pem"), made.0.certificate)
    try PrivateFile.create(place.file("server.key"), made.1.key)
    try PrivateFile.create(place.file("server.pem"), made.1.certificate)
    CertificateMaking.tellSetup(place.path, names: names, days: life.days)
  }
}

struct CertificateRenew: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew", abstract: "Replace the gateway's certificate by a new one.",
    discussion: "For the same names. A running gateway takes it into use by itself.")

  @OptionGroup var place: CertificateDirectory
  @OptionGroup var life: CertificateDays

  func run() async throws {
    let old = try CertificateShow.read(place.file("server.pem"))
    let names = old.first?.names ?? []
    let authority = try place.authority()
    let made = try CertificateMaking.explained { () throws(TLSError) in
      try authority.issue(.server(names: names), now: CertificateMaking.now, days: life.days)
    }
    try PrivateFile.replace(place.file("server.key"), made.key)
    try PrivateFile.replace(place.file("server.pem"), made.certificate)
    print(
      "\(place.file("server.pem")) counts for \(life.days) days: \(names.joined(separator: " "))")
  }
}

struct CertificateClient: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client", abstract: "Make a client certificate for an operator's console.",
    discussion: """
      Writes NAME.pem and NAME.key. The gateway asks for such certificates when its configuration \
      names the authority: "client_ca" in "tls". The operator still signs with the operator key.
      """)

  @OptionGroup var place: CertificateDirectory
  @OptionGroup var life: CertificateDays
  @Argument(help: "The operator's name: letters, digits, dot, hyphen and underscore.")
  var name: String

  func validate() throws {
    let isName =
      (1...64).contains(name.utf8.count) && name.utf8.first != 46
      && name.utf8.allSatisfy {
        $0 == 45 || $0 == 46 || $0 == 95 || (48...57).contains($0) || (97...122).contains($0 | 0x20)
      }
    guard isName, !["ca", "server"].contains(name) else {
      throw ValidationError("NAME has 1 to 64 letters, digits, dots, hyphens and underscores")
    }
  }

  func run() async throws {
    let authority = try place.authority()
    let made = try CertificateMaking.explained { () throws(TLSError) in
      try authority.issue(.client(name: name), now: CertificateMaking.now, days: life.days)
    }
    try place.demandFree("\(name).key", "\(name).pem")
    try PrivateFile.create(place.file("\(name).key"), made.key)
    try PrivateFile.create(place.file("\(name).pem"), made.certificate)
    print(
      """
      Give both files to \(name), whose console takes them with
        --client-certificate \(place.file("\(name).pem")) --client-key \(place.file("\(name).key"))
      """)
  }
}

struct CertificateShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Say what the certificates of a file are for, and until when.")

  @Argument(help: "A PEM file.", completion: .file()) var file: String

  func run() async throws {
    let now = CertificateMaking.now
    for one in try Self.read(file) {
      print("subject  \(Plain.safe(one.subject))")
      print("issuer   \(Plain.safe(one.issuer))")
      print("names    \(Plain.safe(one.names.joined(separator: " ")))")
      print(
        "counts   \(Self.day(one.notBefore)) to \(Self.day(one.notAfter))\(Self.left(one, now))")
    }
  }

  static func read(_ path: String) throws -> [CertificateView] {
    let bytes = try Files.read(path)
    return try CertificateMaking.explained { () throws(TLSError) in
      try CertificateView.all(pem: bytes)
    }
  }

  private static func day(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).ISO8601Format()
  }

  private static func left(_ one: CertificateView, _ now: Int64) -> String {
    if now < one.notBefore { return ", not yet" }
    return now > one.notAfter ? ", expired" : ", \((one.notAfter - now) / 86_400) days left"
  }
}

/// What the commands share.
enum CertificateMaking {
  static var now: Int64 { Int64(SystemClock.now().milliseconds / 1000) }

  /// This machine's name, when it can stand in a certificate.
  static var machine: [String] {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return [] }
    let text = String(
      decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let fits = text.utf8.allSatisfy {
      $0 == 45 || $0 == 46 || (48...57).contains($0) || (97...122).contains($0 | 0x20)
    }
    return text.isEmpty || !fits ? [] : [text.lowercased()]
  }

  static func unique(_ names: [String]) -> [String] {
    var seen: Set<[UInt8]> = []
    return names.filter { seen.insert(Array($0.utf8)).inserted }
  }

  static func explained<T>(_ work: () throws(TLSError) -> T) throws -> T {
    do { return try work() } catch { throw Failure(Failure.badInput, "\(error)") }
  }

  static func tellSetup(_ path: String, names: [String], days: Int) {
    print(
      """
      \(path)/server.pem counts for \(days) days and for: \(names.joined(separator: " "))

      Put this into "listen" of the configuration and start the gateway again:
        "tls": {"certificate": "\(path)/server.pem", "key": "\(path)/server.key",
                "ca": "\(path)/ca.pem"}
      Consoles on other machines need \(path)/ca.pem: countersign console --ca ca.pem
      Agents too: for Python's SDK, SSL_CERT_FILE=ca.pem; for Node's, NODE_EXTRA_CA_CERTS=ca.pem.
      Keep ca.key away from this machine: with it anybody can pass for the gateway.
      """)
  }
}

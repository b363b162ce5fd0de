import Approvals
import Cryptography
import Foundation
package import JSON
package import Policy
package import Time

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The system's wall clock.
package enum SystemClock {
  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: milliseconds(time))
  }

  /// A clock of the machine's uptime, suspended time included; it tells nothing where the system does
  /// not name its start.
  static func uptime() -> @Sendable () -> Uptime? {
    #if os(Linux)
      let name = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))
      guard let boot = name.map({ Text($0.trimmingCharacters(in: .whitespacesAndNewlines)) }),
        !boot.isEmpty
      else { return { nil } }
      return { @Sendable in
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Uptime(boot: boot, length: .milliseconds(Self.milliseconds(time)))
      }
    #else
      return { nil }
    #endif
  }

  private static func milliseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}

/// What the system lets this process have.
package enum SystemLimits {
  /// Descriptors that a gateway wants: its sockets, and room for files and children.
  static let descriptors: rlim_t = 16_384

  /// Takes as many descriptors as it wants, or as many as it may.
  package static func raiseDescriptors() {
    var limits = rlimit()
    guard getrlimit(descriptorLimit, &limits) == 0, limits.rlim_cur < descriptors else { return }
    limits.rlim_cur = min(descriptors, limits.rlim_max)
    _ = setrlimit(descriptorLimit, &limits)
  }

  /// Of the descriptors that it has, how many sockets of agents can be.
  static var agentSockets: Int {
    var limits = rlimit()
    guard getrlimit(descriptorLimit, &limits) == 0 else { return 256 }
    let all = Int(clamping: limits.rlim_cur)
    return max(64, all - min(all / 4, 512))
  }

  #if canImport(Glibc)
    private static let descriptorLimit = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let descriptorLimit = RLIMIT_NOFILE
  #endif
}

/// The system's randomness.
package enum SystemRandom {
  package static func bytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }
}

/// The gateway's own key: signs checkpoints. Made at the first start.
enum LedgerKey {
  /// - Parameter isNew: Whether there is no ledger yet. A ledger that is there must go on under its
  ///   own key.
  static func read(in directory: String, isNew: Bool) throws -> SigningKey {
    let path = directory + "/ledger.key"
    if !FileManager.default.fileExists(atPath: path) {
      guard isNew else {
        throw Files.Failure(
          "\(path) is missing and the ledger has entries; put the key back from where you keep it")
      }
      let seed = Base64.encode(SystemRandom.bytes(SigningKey.seedByteCount))
      let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw Files.Failure("\(path) cannot be made") }
      defer { close(file) }
      let bytes = Array((seed + "\n").utf8)
      guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0 else {
        throw Files.Failure("\(path) cannot be written")
      }
    }
    guard let seed = Base64.decode(try Files.secret(path)) else {
      throw Files.Failure("\(path) is no ledger key; restore it from your backup")
    }
    return try SigningKey(seed: seed)
  }
}

/// The bytes of a policy's file and of the catalogue that it names.
package struct PolicyFile: Hashable, Sendable {
  private let path: String
  private let document: [UInt8]
  /// Nil where none is named, or where the document cannot be read.
  package let catalogue: String?
  /// Nil where it cannot be read.
  private let catalogueBytes: [UInt8]?

  package static func read(_ path: String) throws -> Policy { try PolicyFile(path).policy() }

  /// - Parameter old: What was there before; a document that did not change is not read again.
  package init(_ path: String, after old: PolicyFile? = nil) throws {
    self.path = path
    document = try Files.read(path)
    catalogue = document == old?.document ? old?.catalogue : Self.catalogue(of: document, path)
    catalogueBytes = catalogue.flatMap { try? Files.read($0) }
  }

  /// The policy. Throws with file, line and column of what is wrong.
  package func policy() throws -> Policy {
    let catalogue = try readCatalogue()
    var policy: Policy
    do {
      policy = try Policy.parse(document, catalogue: catalogue)
    } catch {
      throw Files.Failure("\(path): \(error.located(in: document))")
    }
    for name in policy.zoneNames {
      guard let rules = ZoneRules(systemZone: name.string, around: Date()) else {
        throw Files.Failure("\(path): this machine knows no time zone \"\(name)\"")
      }
      policy.zones[name] = rules
    }
    return policy
  }

  /// Warnings of this file's policy with line and column.
  package func located(
    _ findings: [PolicyWarning]
  ) -> [(warning: PolicyWarning, position: JSONPosition?)] {
    let locator = JSONLocator(document)
    return findings.map { ($0, locator.position(of: $0.path)) }
  }

  private func readCatalogue() throws -> ToolCatalogue? {
    guard let catalogue else { return nil }
    guard let catalogueBytes else {
      let words: String
      do {
        _ = try Files.read(catalogue)
        words = "\(catalogue) could not be read"
      } catch {
        words = "\(error)"
      }
      throw Files.Failure("\(path): its catalogue is missing: \(words)")
    }
    return try CatalogueFile.read(catalogue, catalogueBytes)
  }

  private static func catalogue(of document: [UInt8], _ path: String) -> String? {
    guard let named = try? PolicyDocument(document).catalogue?.string else { return nil }
    if named.hasPrefix("/") { return named }
    return URL(fileURLWithPath: path).deletingLastPathComponent().path + "/" + named
  }
}

/// The catalogue of a file. Errors name file, line and column.
package enum CatalogueFile {
  package static func read(_ path: String) throws -> ToolCatalogue {
    try read(path, try Files.read(path))
  }

  static func read(_ path: String, _ bytes: [UInt8]) throws -> ToolCatalogue {
    do {
      return try ToolCatalogue.parse(bytes)
    } catch {
      throw Files.Failure("\(path): \(error.located(in: bytes))")
    }
  }
}

extension ZoneRules {
  /// From a year ago on, and as far ahead as anybody leaves a policy unread.
  private static let span = (back: 366.0 * 86_400, ahead: 20 * 366.0 * 86_400)

  /// The rules of the system's zone database; nil for a name that it does not have.
  init?(systemZone name: String, around now: Date) {
    guard let zone = TimeZone(identifier: name) else { return nil }
    let start = now.addingTimeInterval(-Self.span.back)
    let end = now.addingTimeInterval(Self.span.ahead)
    var changes: [Change] = []
    var last = start
    while let next = zone.nextDaylightSavingTimeTransition(after: last), next < end, next > last {
      let moment = Timestamp(milliseconds: Int64(next.timeIntervalSince1970 * 1000))
      changes.append(Change(from: moment, offset: zone.secondsFromGMT(for: next)))
      last = next
    }
    self.init(first: zone.secondsFromGMT(for: start), changes: changes)
  }
}

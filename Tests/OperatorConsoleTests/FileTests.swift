import Console
import Cryptography
import Foundation
import JSON
import Ledger
import OperatorProtocol
import Synchronization
import Testing

@testable import OperatorConsole

@Suite struct FileTests {
  let directory = FileManager.default.temporaryDirectory
    .appendingPathComponent("countersign-\(UInt64.random(in: 0...UInt64.max))").path
  var path: String { directory + "/keys/ops1.json" }
  static let seed = [UInt8](0..<32)

  @Test func `a plain key comes back as it was written`() throws {
    let file = try OperatorKeyFile.plain(name: "ops1", seed: Self.seed)
    try file.write(path)
    #expect(try OperatorKeyFile.read(path) == file)
    #expect(try OperatorKeyFile.read(path).unlock().key.publicKey == file.publicKey)
    #expect(!file.needsPassphrase)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func `a sealed key opens with its passphrase alone`() throws {
    let file = try OperatorKeyFile.sealed(
      name: "ops1", seed: Self.seed, passphrase: "horse",
      salt: [UInt8](repeating: 1, count: 16), nonce: [UInt8](repeating: 2, count: 12))
    try file.write(path)
    let read = try OperatorKeyFile.read(path)
    #expect(read.needsPassphrase)
    #expect(try read.unlock(passphrase: "horse").key.publicKey == file.publicKey)
    let wrong = #expect(throws: OperatorClientError.self) { try read.unlock(passphrase: "house") }
    #expect(wrong?.code == .passphrase)
    #expect(throws: OperatorClientError.self) { try read.unlock() }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(!text.contains(Base64.encode(Self.seed)))
  }

  @Test(arguments: [0o644, 0o640, 0o604, 0o660]) func `a key that others can read is refused`(
    mode: Int
  ) throws {
    try OperatorKeyFile.plain(name: "ops1", seed: Self.seed).write(path)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    let error = #expect(throws: OperatorClientError.self) { try OperatorKeyFile.read(path) }
    #expect(error?.fix == "run: chmod 600 \(path)")
  }

  @Test func `a key is never overwritten and never followed to`() throws {
    let file = try OperatorKeyFile.plain(name: "ops1", seed: Self.seed)
    try file.write(path)
    #expect(throws: OperatorClientError.self) { try file.write(path) }
    try FileManager.default.createSymbolicLink(
      atPath: path + ".link", withDestinationPath: path)
    #expect(throws: OperatorClientError.self) { try OperatorKeyFile.read(path + ".link") }
  }

  @Test func `halves that do not belong together are refused`() throws {
    var file = try OperatorKeyFile.plain(name: "ops1", seed: Self.seed)
    file.publicKey = operatorKey.key.publicKey
    #expect(throws: OperatorClientError.self) { try file.unlock() }
  }

  @Test func `a passphrase file gives its first line`() throws {
    try PrivateFile.create(path, Array("horse battery\r\nrest\n".utf8))
    #expect(try Passphrase.fromFile(path) == "horse battery")
  }

  @Test func `the last checkpoint is remembered, a shorter one is told`() {
    let memory = CheckpointMemory(path: directory + "/state/console.json")
    func seen(_ size: Int, root: String = "AA==", key: String = "gw+1+k") -> CheckpointMemory.Seen {
      .init(gateway: "gw", checkpoint: "gw\n\(size)\n\(root)\n\n- gw sig\n", verifierKey: key)
    }
    #expect(memory.lastSeen(of: "gw") == nil)
    #expect(memory.remember(seen(5)) == nil)
    #expect(memory.remember(seen(9)) == nil)
    #expect(memory.lastSeen(of: "gw") == seen(9))
    #expect(memory.remember(seen(8))?.contains("shortened") == true)
    #expect(memory.remember(seen(9, root: "BB=="))?.contains("changed") == true)
    #expect(memory.remember(seen(12, key: "gw+2+k"))?.contains("another key") == true)
    #expect(memory.lastSeen(of: "gw") == seen(9))
  }

  @Test func `a longer ledger must be proven to continue the old one`() throws {
    let memory = CheckpointMemory(path: directory + "/state/console.json")
    var ledger = try LedgerAppender(origin: "gw", key: operatorKey.key)
    var leaves: [Digest] = []
    func note(_ count: Int) throws -> String {
      let drafts = (0..<count).map {
        EntryDraft(time: noon, kind: "n\($0)", subject: nil, body: [:])
      }
      leaves += try ledger.append(drafts).map(\.leafHash)
      return ledger.checkpoint().text
    }
    func seen(_ text: String) -> CheckpointMemory.Seen {
      .init(gateway: "gw", checkpoint: text, verifierKey: ledger.verifierKey.text)
    }
    let old = seen(try note(5))
    let next = try note(8)
    let proof = try #require(MerkleTree.consistencyProof(from: 5, to: 13) { leaves[$0] })
    #expect(memory.remember(old) == nil)
    #expect(memory.advance(old, to: next, proof: Array(proof.dropLast())) != nil)
    var forged = next
    forged = forged.replacing("gw\n13", with: "gw\n14")
    #expect(memory.advance(old, to: forged, proof: proof) != nil)
    #expect(memory.lastSeen(of: "gw") == old)
    #expect(memory.advance(old, to: next, proof: proof) == nil)
    #expect(memory.lastSeen(of: "gw") == seen(next))
  }

  @Test func `a full mailbox becomes a reset and keeps answers`() {
    let mailbox = Mailbox()
    mailbox.post(.linkUp)
    for _ in 0...Mailbox.limit { mailbox.post(.feed(.status(Samples.status))) }
    let all = mailbox.take(atMost: .max)
    #expect(all.first == .linkUp)
    #expect(all.last == .feed(.reset))
    #expect(all.count < Mailbox.limit)
    #expect(mailbox.take(atMost: .max).isEmpty)
  }

  @Test func `news wake nobody who looks at them soon, and nothing is left lying`() {
    let mailbox = Mailbox()
    let wakes = Mutex(0)
    mailbox.attach { wakes.withLock { $0 += 1 } }
    func post(_ event: ConsoleEvent) -> Int {
      let before = wakes.withLock { $0 }
      mailbox.post(event)
      return wakes.withLock { $0 } - before
    }
    let news = ConsoleEvent.feed(.ledger([:]))
    #expect(mailbox.rest(soon: false))
    #expect(post(news) == 1)
    #expect(post(news) == 0, "it is on its way already")
    #expect(!mailbox.rest(soon: false), "it must not wait with something in the box")
    #expect(mailbox.take(atMost: 1).count == 1)
    #expect(mailbox.take(atMost: 5).count == 1)
    #expect(mailbox.rest(soon: true))
    #expect(post(news) == 0)
    #expect(post(.linkUp) == 1, "an answer is waited for")
    #expect(post(.feed(.batch(Samples.batch))) == 1, "it may close the panel")
    #expect(post(.feed(.status(Samples.status))) == 1, "it may close the panel")
    #expect(!mailbox.rest(soon: true))
  }

  @Test func `a burst of news is taken whole before the owner rests`() {
    let mailbox = Mailbox()
    let burst = Mailbox.limit / 10
    for _ in 0..<burst { mailbox.post(.feed(.status(Samples.status))) }
    var taken = 0
    while !mailbox.rest(soon: true), taken < burst {
      taken += mailbox.take(atMost: ConsoleShell.newsAtOnce).count
    }
    #expect(taken == burst)
  }

  @Test func `pauses grow and stay bounded`() {
    for failures in 1...40 {
      let pause = ConsoleLink.pause(after: failures)
      #expect(pause <= .seconds(ConsoleLink.longestPause))
      #expect(pause >= .milliseconds(500))
    }
  }

  @Test func `nonces differ`() {
    #expect(Set((0..<100).map { _ in ConsoleLink.nonce() }).count == 100)
  }
}

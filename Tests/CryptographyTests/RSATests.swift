import Foundation
import TestSupport
import Testing

@testable import Cryptography

@Suite struct RSATests {
  @Test func agreesWithTheOpenSSLCommand() throws {
    let pem = try OpenSSLCommand.rsaKey()
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "countersign-rsa-\(UUID().uuidString).pem")
    try Data(pem).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let key = try RSASigningKey(pem: pem)
    for message in ["", "1700000000123key5000a=1", String(repeating: "x", count: 70_000)] {
      let theirs = try OpenSSLCommand.run(
        ["dgst", "-sha256", "-sign", file.path], input: Array(message.utf8))
      #expect(key.sign(message.utf8) == theirs && theirs.count == 256)
    }
    #expect(key.description == "an RSA private key of 2048 bits")
  }

  @Test func refusesWhatIsNoRSAKey() throws {
    let texts = [
      [], Array("no key".utf8), try OpenSSLCommand.run(["genpkey", "-algorithm", "ED25519"]),
      try OpenSSLCommand.rsaKey(bits: 1024),
      try OpenSSLCommand.run([
        "genpkey", "-algorithm", "RSA", "-aes256", "-pass", "pass:secret",
      ]),
    ]
    for text in texts {
      let error = #expect(throws: CryptographyError.self) { try RSASigningKey(pem: text) }
      #expect(error?.code == .badKey)
    }
    #expect(throws: CryptographyError.self) {
      try RSASigningKey(pem: [UInt8](repeating: 65, count: RSASigningKey.textLimit + 1))
    }
  }
}

import Bybit
import Foundation
import JSON
import TestSupport
import Testing

@testable import Gateway

/// Where the gateway's own key is used, and how it signs.
@Suite struct ExchangeConfigurationTests {
  private func exchange(_ text: String) throws -> Configuration.Exchange {
    let document = """
      {"state":"s","policy":"p","upstreams":{"u":{"command":["x"]}},"exchange":\(text)}
      """
    return try #require(
      try Configuration(document: Array(document.utf8), directory: "/x").exchange)
  }

  @Test(arguments: [
    (#"{"environment":"mainnet"}"#, "https://api.bybit.com", "wss://stream.bybit.com", "mainnet"),
    (
      #"{"environment":"testnet"}"#, "https://api-testnet.bybit.com",
      "wss://stream-testnet.bybit.com", "testnet"
    ),
    (
      #"{"environment":"demo"}"#, "https://api-demo.bybit.com", "wss://stream-demo.bybit.com",
      "demo"
    ),
    (
      #"{"rest":"http://127.0.0.1:1","stream":"ws://127.0.0.1:1"}"#, "http://127.0.0.1:1",
      "ws://127.0.0.1:1", "paper"
    ),
    (
      #"{"rest":"https://api.bybit.nl","stream":"wss://stream.bybit.nl","environment":"nl"}"#,
      "https://api.bybit.nl", "wss://stream.bybit.nl", "nl"
    ),
  ])
  func hasItsURLs(_ text: String, _ rest: String, _ stream: String, _ name: String) throws {
    let found = try exchange(text)
    #expect(found.rest == rest && found.stream == stream)
    #expect(found.environment.string == name)
    let credentials = try found.credentials([:])
    #expect(credentials == nil)
  }

  @Test(arguments: [
    "{}", #"{"environment":"paper"}"#, #"{"rest":"https://api.bybit.com"}"#,
    #"{"environment":"testnet","stream":"wss://stream.bybit.com"}"#,
    #"{"environment":"testnet","key":{"env":"K"}}"#,
    #"{"environment":"testnet","private_key":"k.pem"}"#,
    #"{"environment":"demo","key":{"env":"K"},"secret":{"env":"S"},"private_key":"k.pem"}"#,
  ])
  func halfAnExchangeIsRefused(_ text: String) {
    #expect(throws: (any Error).self) { try exchange(text) }
  }

  @Test func anRSAKeyIsReadFromAFileOfItsOwner() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "countersign-\(UUID().uuidString).pem")
    try Data(OpenSSLCommand.rsaKey()).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let found = try exchange(
      #"{"environment":"demo","key":{"env":"K"},"private_key":"\#(file.path)"}"#)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
    #expect(throws: (any Error).self) { try found.credentials(["K": "k"]) }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
    let credentials = try #require(try found.credentials(["K": "k"]))
    guard case .rsa = credentials.proof else {
      Issue.record("it does not sign with RSA")
      return
    }
  }
}

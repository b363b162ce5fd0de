import Cryptography
import JSON
import TestSupport
import Testing
import Time

@testable import Bybit

@Suite struct V5SignerTests {
  private let signer = V5Signer(V5Credentials(key: "key", secret: "secret"))
  private let moment = Timestamp(milliseconds: 1_700_000_000_123)

  @Test(arguments: [
    "category=linear&symbol=BTCUSDT", #"{"category":"linear"}"#, "",
  ])
  func signsTimeKeyWindowAndPayload(_ payload: String) {
    let text = "1700000000123key5000\(payload)"
    let expected = HMACSHA256.code(key: "secret".utf8, message: text.utf8).hex
    #expect(signer.signature(at: moment, payload: payload.utf8) == expected)
    let headers = signer.headers(at: moment, payload: payload.utf8)
    #expect(
      headers.map(\.name) == [
        "X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW", "X-BAPI-SIGN",
      ])
    #expect(headers.map(\.value) == ["key", "1700000000123", "5000", expected])
  }

  /// Computed with OpenSSL's command line: `printf %s TEXT | openssl dgst -sha256 -hmac secret`.
  @Test func agreesWithAnotherImplementation() {
    #expect(
      signer.signature(at: moment, payload: "a=1".utf8)
        == "d474caa416989b09e99a25e0e8ecb064f79d65abbbcd9b77ca253ec547bf297b")
    #expect(
      signer.socketArguments(expiring: moment)
        == [
          "key", 1_700_000_000_123,
          "280f9864f4cc406069bed23037974f22783e23c713ec3113833ed2c0ec8037de",
        ])
  }

  @Test func anRSAKeySignsInBase64AndSaysSo() throws {
    let key = try RSASigningKey(pem: OpenSSLCommand.rsaKey())
    let signer = V5Signer(V5Credentials(key: "key", rsa: key))
    let headers = signer.headers(at: moment, payload: "a=1".utf8)
    #expect(headers.last?.name == "X-BAPI-SIGN-TYPE" && headers.last?.value == "2")
    let signature = key.sign("1700000000123key5000a=1".utf8)
    #expect(headers[3].value == Base64.encode(signature))
  }

  @Test func credentialsAreNeverPrinted() {
    let credentials = V5Credentials(key: "key-in-clear", secret: "secret-in-clear")
    for text in ["\(credentials)", String(reflecting: credentials)] {
      #expect(!text.contains("in-clear"))
    }
  }

  @Test func queriesAreSortedAndEscaped() {
    let text = V5Query.text(of: [
      ("symbol", "BTC/USD T"), ("category", "linear"), ("cursor", "a%3D=&+\u{e9}~"),
    ])
    #expect(text == "category=linear&cursor=a%253D%3D%26%2B%C3%A9~&symbol=BTC%2FUSD%20T")
  }
}

@Suite struct V5CodeTests {
  @Test(arguments: [10006, 10016, 10429, 170007, 20006])
  func ambiguousCodes(_ code: Int) { #expect(V5Code(rawValue: code).outcomeIsUnknown) }

  @Test(arguments: [0, 10001, 110007, 110072, 170131])
  func certainCodes(_ code: Int) { #expect(!V5Code(rawValue: code).outcomeIsUnknown) }
}

@Suite struct V5BackoffTests {
  @Test func waitsDoubleWithinTheirUpperHalfUpToTheCeiling() {
    let backoff = V5Backoff(first: .milliseconds(500), ceiling: .seconds(30))
    for attempt in 0..<40 {
      let whole = min(Duration.milliseconds(500) * (1 << min(attempt, 20)), .seconds(30))
      for random: UInt64 in [0, 1, 500, 1000, .max] {
        let wait = backoff.wait(attempt: attempt, random: random)
        #expect(wait >= whole / 2 && wait <= whole)
      }
    }
    #expect(backoff.wait(attempt: 0, random: 0) != backoff.wait(attempt: 0, random: 700))
  }
}

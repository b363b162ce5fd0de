import Testing

@testable import Cryptography

@Suite struct ScryptTests {
  struct Case: Sendable {
    let passphrase, salt: String
    let logN, r, p: Int
    let hex: String
  }

  @Test(
    "RFC 7914 §12, without the vector that needs 1 GiB",
    arguments: [
      Case(
        passphrase: "", salt: "", logN: 4, r: 1, p: 1,
        hex: "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
          + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"),
      Case(
        passphrase: "password", salt: "NaCl", logN: 10, r: 8, p: 16,
        hex: "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
          + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"),
      Case(
        passphrase: "pleaseletmein", salt: "SodiumChloride", logN: 14, r: 8, p: 1,
        hex: "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
          + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"),
    ])
  func example(example: Case) throws {
    let cost = try #require(Scrypt.Cost(logN: example.logN, r: example.r, p: example.p))
    let key = try Scrypt.key(
      passphrase: example.passphrase.utf8, salt: example.salt.utf8, cost: cost, count: 64)
    #expect(Hex.encode(key) == example.hex)
  }

  @Test func aCostPastTheLimitsIsNone() {
    #expect(Scrypt.Cost(logN: 15, r: 8, p: 1) == nil)
    #expect(Scrypt.Cost(logN: 0, r: 8, p: 1) == nil)
    #expect(Scrypt.Cost(logN: 14, r: 9, p: 1) == nil)
    #expect(Scrypt.Cost(logN: 14, r: 8, p: 17) == nil)
    #expect(Scrypt.Cost(logN: 14, r: 8, p: 1) == .standard)
  }

  @Test(arguments: [-1, 0, 1025]) func aKeyOfNoUsableLengthIsRefused(count: Int) {
    #expect(throws: CryptographyError.self) {
      try Scrypt.key(passphrase: [1], salt: [2], cost: .standard, count: count)
    }
  }
}

@Suite struct SealedTests {
  static let cheap = Scrypt.Cost(logN: 4, r: 1, p: 1) ?? .standard
  let secret = [UInt8](1...32)
  let salt = [UInt8](repeating: 5, count: 16)
  let nonce = [UInt8](repeating: 6, count: 12)

  func sealed(_ passphrase: String = "correct horse") throws -> Sealed {
    try Sealed.seal(
      secret: secret, passphrase: passphrase, salt: salt, nonce: nonce, cost: Self.cheap)
  }

  @Test func theStandardCostOpensWithThePassphraseOnly() throws {
    let box = try Sealed.seal(
      secret: secret, passphrase: "correct horse", salt: salt, nonce: nonce)
    #expect(box.cost == .standard)
    #expect(box.ciphertext.count == 48)
    #expect(try box.open(passphrase: "correct horse") == secret)
    let error = #expect(throws: CryptographyError.self) {
      try box.open(passphrase: "Correct horse")
    }
    #expect(error?.code == .notOpened)
  }

  @Test(arguments: ["", "é", "a\r\nb"]) func anyPassphraseWorks(passphrase: String) throws {
    #expect(try sealed(passphrase).open(passphrase: passphrase) == secret)
    #expect(throws: CryptographyError.self) {
      try sealed(passphrase).open(passphrase: passphrase + " ")
    }
  }

  @Test func passphrasesAreBytes() throws {
    #expect(throws: CryptographyError.self) {
      try sealed("\u{E9}").open(passphrase: "e\u{301}")
    }
  }

  @Test func anEmptySecretIsSealed() throws {
    let empty: [UInt8] = []
    let box = try Sealed.seal(
      secret: empty, passphrase: "p", salt: salt, nonce: nonce, cost: Self.cheap)
    #expect(try box.open(passphrase: "p") == empty)
  }

  @Test func everyFlippedBitIsRefused() throws {
    let box = try sealed()
    for bit in 0..<(box.ciphertext.count * 8) {
      refuse(box, ciphertext: flipping(bit, in: box.ciphertext))
    }
    for bit in 0..<(16 * 8) { refuse(box, salt: flipping(bit, in: box.salt)) }
    for bit in 0..<(12 * 8) { refuse(box, nonce: flipping(bit, in: box.nonce)) }
    refuse(box, ciphertext: Array(box.ciphertext.dropLast()))
    refuse(box, ciphertext: box.ciphertext + [0])
    refuse(box, cost: Scrypt.Cost(logN: 5, r: 1, p: 1))
  }

  private func refuse(
    _ box: Sealed, cost: Scrypt.Cost? = nil, salt: [UInt8]? = nil, nonce: [UInt8]? = nil,
    ciphertext: [UInt8]? = nil, line: Int = #line
  ) {
    let error = #expect(throws: CryptographyError.self) {
      try Sealed(
        cost: cost ?? box.cost, salt: salt ?? box.salt, nonce: nonce ?? box.nonce,
        ciphertext: ciphertext ?? box.ciphertext
      ).open(passphrase: "correct horse")
    }
    #expect(error?.code == .notOpened)
  }

  @Test func fieldsOfWrongLengthAreRefused() {
    let body = [UInt8](repeating: 0, count: 16)
    let long = [UInt8](repeating: 0, count: Sealed.secretLimit + 17)
    for (salt, nonce, body) in [
      ([1], nonce, body), (salt, [1], body), (salt, nonce, [1]), (salt, nonce, long),
    ] {
      let error = #expect(throws: CryptographyError.self) {
        try Sealed(cost: .standard, salt: salt, nonce: nonce, ciphertext: body)
      }
      #expect(error?.code == .badLength)
    }
    #expect(throws: CryptographyError.self) {
      try sealed(String(repeating: "p", count: Sealed.passphraseLimit + 1))
    }
  }
}

import Testing

@testable import Cryptography

@Suite struct Ed25519Tests {
  struct Case: Sendable {
    let seed, key, message, signature: String
  }

  /// RFC 8032 §7.1.
  static let cases = [
    Case(
      seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      message: "",
      signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f"
        + "b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    Case(
      seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      message: "72",
      signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da08"
        + "5ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    Case(
      seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      message: "af82",
      signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18"
        + "ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
  ]

  @Test("RFC 8032 §7.1", arguments: cases)
  func example(example: Case) throws {
    let key = try SigningKey(seed: #require(Hex.decode(example.seed)))
    let message = try #require(Hex.decode(example.message))
    #expect(Hex.encode(key.publicKey.bytes) == example.key)
    #expect(Hex.encode(key.sign(message).bytes) == example.signature)
    #expect(key.publicKey.verify(key.sign(message), of: message))
  }

  @Test func everyFlippedBitOfSignatureMessageOrKeyIsRefused() throws {
    let key = try SigningKey(seed: Array(1...32))
    let message = Array("approve cs_01".utf8)
    let signature = key.sign(message)
    for bit in 0..<(64 * 8) {
      let changed = try #require(Signature(flipping(bit, in: signature.bytes)))
      #expect(!key.publicKey.verify(changed, of: message))
    }
    for bit in 0..<(message.count * 8) {
      #expect(!key.publicKey.verify(signature, of: flipping(bit, in: message)))
    }
    for bit in 0..<(32 * 8) {
      let other = try #require(PublicKey(flipping(bit, in: key.publicKey.bytes)))
      #expect(!other.verify(signature, of: message))
    }
    #expect(!key.publicKey.verify(signature, of: message + [0]))
    #expect(!key.publicKey.verify(signature, of: message.dropLast()))
    #expect(key.publicKey.verify(signature, of: message))
  }

  @Test(arguments: [0, 31, 33, 64])
  func aSeedOfAnotherLengthIsRefused(count: Int) {
    let seed = [UInt8](repeating: 1, count: count)
    let error = #expect(throws: CryptographyError.self) { try SigningKey(seed: seed) }
    #expect(error?.code == .badLength)
    #expect(error?.description == "the seed has \(count) bytes; it must have 32")
  }

  @Test func keysAndSignaturesReadWhatTheyWrite() throws {
    let key = try SigningKey(seed: Array(1...32))
    let signature = key.sign([1])
    #expect(PublicKey(base64: key.publicKey.base64) == key.publicKey)
    #expect(Signature(base64: signature.base64) == signature)
    #expect(PublicKey(base64: key.publicKey.base64 + "\n") == nil)
    #expect(Signature(signature.bytes + [0]) == nil)
  }

  @Test func aPrivateKeyDoesNotPrintItsSeed() throws {
    let seed = [UInt8](repeating: 0x5A, count: 32)
    let key = try SigningKey(seed: seed)
    var dumped = ""
    dump(key, to: &dumped)
    for text in [key.description, "\(key)", String(reflecting: key), dumped] {
      #expect(!text.contains(Hex.encode(seed)) && !text.contains(Base64.encode(seed)))
    }
  }

  @Test func oneKeySignsFromManyTasks() async throws {
    let key = try SigningKey(seed: Array(1...32))
    let expected = (0..<64).map { key.sign([UInt8($0)]) }
    let signatures = await withTaskGroup(of: (Int, Signature).self) { group in
      for number in 0..<64 { group.addTask { (number, key.sign([UInt8(number)])) } }
      return await group.reduce(into: [Int: Signature]()) { $0[$1.0] = $1.1 }
    }
    #expect((0..<64).map { signatures[$0] } == expected)
  }
}

func flipping(_ bit: Int, in bytes: [UInt8]) -> [UInt8] {
  var copy = bytes
  copy[bit / 8] ^= 1 << UInt8(bit % 8)
  return copy
}

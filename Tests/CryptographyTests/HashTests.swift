import Testing

@testable import Cryptography

@Suite struct SHA256Tests {
  @Test(
    "FIPS 180-4 examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func example(message: String, hex: String) {
    #expect(SHA256.hash(message.utf8).hex == hex)
    #expect(SHA256.hash(Array(message.utf8)).hex == hex)
    #expect(SHA256.hash(Array(message.utf8)[...]).hex == hex)
  }

  @Test func aMillionLettersIncludingALazyInput() {
    let hex = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    #expect(SHA256.hash(repeatElement(UInt8(ascii: "a"), count: 1_000_000)).hex == hex)
  }

  @Test(arguments: [0, 1, 31, 32, 1022, 1023, 1024, 5000])
  func aTagIsOneByteBeforeTheInput(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
    #expect(SHA256.hash(tag: 9, bytes) == SHA256.hash([9] + bytes))
    #expect(SHA256.hash(tag: 9, bytes.lazy.map { $0 }) == SHA256.hash([9] + bytes))
  }

  @Test func twoDigestsUnderATagAreTheirConcatenation() {
    let (left, right) = (SHA256.hash([1]), SHA256.hash([2]))
    #expect(SHA256.hash(tag: 1, left, right) == SHA256.hash([1] + left.bytes + right.bytes))
    #expect(SHA256.hash(tag: 1, left, right) != SHA256.hash(tag: 1, right, left))
  }
}

@Suite struct DigestTests {
  @Test func aDigestReadsWhatItWrites() {
    let digest = SHA256.hash([7])
    #expect(Digest(hex: digest.hex) == digest)
    #expect(Digest(base64: digest.base64) == digest)
    #expect(Digest(digest.bytes) == digest)
    #expect(Set([digest, SHA256.hash([7]), SHA256.hash([8])]).count == 2)
  }

  @Test func anythingButThirtyTwoBytesIsNone() {
    let hex = SHA256.hash([7]).hex
    #expect(Digest([UInt8](repeating: 0, count: 31)) == nil)
    #expect(Digest([UInt8](repeating: 0, count: 33)) == nil)
    #expect(Digest(hex: hex.uppercased()) == nil)
    #expect(Digest(hex: hex + "00") == nil)
    #expect(Digest(hex: String(hex.dropLast())) == nil)
    #expect(Digest(base64: "AA==") == nil)
  }
}

@Suite struct HMACSHA256Tests {
  struct Case: Sendable {
    let key: [UInt8]
    let message: [UInt8]
    let hex: String
  }

  @Test(
    "RFC 4231",
    arguments: [
      Case(
        key: .init(repeating: 0x0b, count: 20), message: Array("Hi There".utf8),
        hex: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
      Case(
        key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
        hex: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
      Case(
        key: .init(repeating: 0xaa, count: 20), message: .init(repeating: 0xdd, count: 50),
        hex: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
      Case(
        key: Array(1...25), message: .init(repeating: 0xcd, count: 50),
        hex: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
      Case(
        key: .init(repeating: 0xaa, count: 131),
        message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
        hex: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ])
  func example(example: Case) {
    #expect(HMACSHA256.code(key: example.key, message: example.message).hex == example.hex)
  }

  @Test func emptyKeyAndMessageAreInputsLikeOthers() {
    let empty: [UInt8] = []
    #expect(
      HMACSHA256.code(key: empty, message: empty).hex
        == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
  }

  @Test func constantTimeEqualityAgreesWithEquality() {
    let empty: [UInt8] = []
    #expect(constantTimeEquals(empty, empty))
    #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
    #expect(!constantTimeEquals([1, 2, 3], [1, 2, 4]))
    #expect(!constantTimeEquals([1, 2, 3], [1, 2]))
    #expect(!constantTimeEquals(empty, [0]))
    #expect(constantTimeEquals(SHA256.hash([1]), SHA256.hash([1])))
    #expect(!constantTimeEquals(SHA256.hash([1]), SHA256.hash([2])))
  }
}

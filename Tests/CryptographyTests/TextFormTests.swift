import Testing

@testable import Cryptography

@Suite struct Base64Tests {
  @Test(
    "RFC 4648 §10",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
      ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
  func example(plain: String, encoded: String) {
    #expect(Base64.encode(plain.utf8) == encoded)
    #expect(Base64.decode(encoded) == Array(plain.utf8))
  }

  @Test func everyByteInEveryPlaceComesBack() {
    for count in 1...4 {
      for byte in UInt8.min...UInt8.max {
        let bytes = [UInt8](repeating: byte, count: count)
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
      }
    }
    #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
  }

  @Test(
    "One value has one spelling",
    arguments: [
      "Z", "Zg", "Zg=", "Zg===", "Zg==\n", " Zg==", "Zh==", "Zm9=", "Zm8", "====", "=", "A===",
      "Zg==Zg==", "Zm-_", "Zm9v=", "Z=g=", "Zg=A", "Zm9vé", "\u{212A}m9v",
    ])
  func otherSpellingsAreRefused(text: String) {
    #expect(Base64.decode(text) == nil)
  }
}

@Suite struct HexTests {
  @Test func everyByteComesBack() {
    let all = Array(UInt8.min...UInt8.max)
    #expect(Hex.decode(Hex.encode(all)) == all)
    #expect(Hex.encode([0x00, 0x0f, 0xa0, 0xff]) == "000fa0ff")
    #expect(Hex.encode([UInt8]()) == "")
  }

  @Test(arguments: ["0", "0g", "FF", "0x00", " 00", "00\n", "é0", "-1"])
  func otherTextIsRefused(text: String) {
    #expect(Hex.decode(text) == nil)
  }
}

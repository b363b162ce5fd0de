import COpenSSL

/// The passphrase hash of RFC 7914.
package enum Scrypt {
  /// Work factors: N = 2^`logN`, `r`, `p`.
  package struct Cost: Hashable, Sendable {
    package let logN: Int
    package let r: Int
    package let p: Int

    /// Nil past the limits: N up to 2¹⁴, r up to 8, p up to 16.
    ///
    /// 128·N·r bytes are allocated, so a box from elsewhere cannot ask for more than 16 MiB (and
    /// libcrypto 3.0 refuses twice that).
    package init?(logN: Int, r: Int, p: Int) {
      guard (1...14).contains(logN), (1...8).contains(r), (1...16).contains(p) else { return nil }
      self.init(checkedLogN: logN, r: r, p: p)
    }

    private init(checkedLogN logN: Int, r: Int, p: Int) {
      self.logN = logN
      self.r = r
      self.p = p
    }

    /// N = 2¹⁴, r = 8, p = 1: 16 MiB and some 50 ms.
    package static let standard = Cost(checkedLogN: 14, r: 8, p: 1)
  }

  /// libcrypto's ceiling for one derivation, in bytes.
  private static let memoryLimit: UInt64 = 32 << 20

  /// `count` bytes (1 to 1024) derived from `passphrase`.
  package static func key(
    passphrase: some Collection<UInt8>, salt: some Collection<UInt8>, cost: Cost, count: Int
  ) throws(CryptographyError) -> [UInt8] {
    guard (1...1024).contains(count) else {
      throw .length("a derived key", count, wanted: "1 to 1024")
    }
    Libcrypto.clearErrors()
    var key = [UInt8](repeating: 0, count: count)
    let done = unsafe withBytes(of: passphrase) { passBase, passCount in
      unsafe withBytes(of: salt) { saltBase, saltCount in
        let pass = unsafe UnsafeRawPointer(passBase).assumingMemoryBound(to: CChar.self)
        return unsafe EVP_PBE_scrypt(
          pass, passCount, saltBase, saltCount, 1 << UInt64(cost.logN), UInt64(cost.r),
          UInt64(cost.p), memoryLimit, &key, count)
      }
    }
    guard done == 1 else { throw Libcrypto.unavailable("scrypt") }
    return key
  }
}

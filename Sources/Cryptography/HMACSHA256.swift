import COpenSSL

/// HMAC with SHA-256 (RFC 2104).
package enum HMACSHA256 {
  /// The code of `message` under `key`; keys of any length, also empty, are allowed.
  package static func code(
    key: some Collection<UInt8>, message: some Collection<UInt8>
  ) -> Digest {
    Libcrypto.clearErrors()
    return unsafe withBytes(of: key) { keyBase, keyCount in
      unsafe withBytes(of: message) { base, count in
        unsafe Digest(
          Bytes32 { out in
            var written = 0
            let address = unsafe out.baseAddress?.assumingMemoryBound(to: UInt8.self)
            let done = unsafe EVP_Q_mac(
              nil, "HMAC", nil, "SHA256", nil, keyBase, keyCount, base, count, address, out.count,
              &written)
            guard unsafe done != nil, written == Bytes32.count else {
              Libcrypto.fail("HMAC-SHA-256")
            }
          })
      }
    }
  }
}

/// Whether two byte sequences are equal, in a time that depends on their lengths only.
package func constantTimeEquals(
  _ a: some Collection<UInt8>, _ b: some Collection<UInt8>
) -> Bool {
  unsafe withBytes(of: a) { aBase, aCount in
    unsafe withBytes(of: b) { bBase, bCount in
      unsafe aCount == bCount && CRYPTO_memcmp(aBase, bBase, aCount) == 0
    }
  }
}

/// Whether two digests are equal, in constant time.
package func constantTimeEquals(_ a: Digest, _ b: Digest) -> Bool {
  constantTimeEquals(a.bytes, b.bytes)
}

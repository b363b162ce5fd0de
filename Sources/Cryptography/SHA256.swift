import COpenSSL

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
  package static func hash(_ bytes: some Collection<UInt8>) -> Digest {
    unsafe withBytes(of: bytes) { unsafe digest($0, $1) }
  }

  /// The hash of one byte followed by `bytes`.
  package static func hash(tag: UInt8, _ bytes: some Collection<UInt8>) -> Digest {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count + 1) { buffer in
      guard let base = buffer.baseAddress else { Libcrypto.fail("SHA-256") }
      unsafe buffer[0] = tag
      unsafe UnsafeMutableRawBufferPointer(start: base + 1, count: buffer.count - 1)
        .copyBytes(from: bytes)
      return unsafe digest(base, buffer.count)
    }
  }

  /// The hash of one byte followed by two digests.
  package static func hash(tag: UInt8, _ left: Digest, _ right: Digest) -> Digest {
    let capacity = 1 + 2 * Digest.byteCount
    return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { buffer in
      guard let base = buffer.baseAddress else { Libcrypto.fail("SHA-256") }
      unsafe buffer[0] = tag
      for (digest, offset) in [(left, 1), (right, 1 + Digest.byteCount)] {
        unsafe digest.storage.withBytes { bytes in
          unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: Digest.byteCount)
            .copyMemory(from: bytes)
        }
      }
      return unsafe digest(base, buffer.count)
    }
  }

  /// Fetched once: looking the algorithm up costs more than hashing a short input. Never freed and
  /// never changed after the fetch, so any thread may read it.
  nonisolated(unsafe) private static let algorithm: OpaquePointer? = {
    Libcrypto.clearErrors()
    return unsafe EVP_MD_fetch(nil, "SHA256", nil)
  }()

  private static func digest(_ base: UnsafePointer<UInt8>, _ count: Int) -> Digest {
    guard let algorithm = unsafe algorithm else { Libcrypto.fail("SHA-256 is missing") }
    Libcrypto.clearErrors()
    return unsafe Digest(
      Bytes32 { out in
        var written: UInt32 = 0
        let address = unsafe out.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let done = unsafe EVP_Digest(base, count, address, &written, algorithm, nil)
        guard done == 1, written == Bytes32.count else { Libcrypto.fail("SHA-256") }
      })
  }
}

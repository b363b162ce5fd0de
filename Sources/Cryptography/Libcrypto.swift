import COpenSSL

/// The rules of every call: the error queue is empty before it and read after a failure.
enum Libcrypto {
  static func clearErrors() { ERR_clear_error() }

  /// The oldest queued error in libcrypto's own words.
  static func lastError() -> String {
    let code = ERR_get_error()
    guard code != 0 else { return "libcrypto gave no reason" }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress else { return "libcrypto gave no reason" }
      unsafe ERR_error_string_n(code, base, buffer.count)
      return unsafe String(cString: base)
    }
  }

  static func unavailable(_ what: String) -> CryptographyError {
    CryptographyError(
      .unavailable, "\(what): \(lastError())",
      fix: "check that the system's OpenSSL 3 loads its default provider")
  }

  /// For operations that have no failure but exhausted memory or a libcrypto without the algorithm.
  static func fail(_ what: String) -> Never { fatalError(unavailable(what).description) }
}

/// Calls `body` with the address and count of `bytes`; the address is valid for empty input too.
func withBytes<Result>(
  of bytes: some Collection<UInt8>, _ body: (UnsafePointer<UInt8>, Int) -> Result
) -> Result {
  let direct: Result?? = bytes.withContiguousStorageIfAvailable { buffer in
    guard let base = buffer.baseAddress, buffer.count > 0 else { return nil }
    return unsafe body(base, buffer.count)
  }
  if case .some(.some(let result)) = direct { return result }
  // libcrypto reads a nil address as "keep the former value", so empty input gets a real one.
  let copy = Array(bytes) + [0]
  return unsafe copy.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("an array of one or more") }
    return unsafe body(base, buffer.count - 1)
  }
}

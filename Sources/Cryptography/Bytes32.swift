/// Thirty-two bytes in place, without a heap allocation.
struct Bytes32: Hashable, Sendable {
  static let count = 32

  private var a: UInt64 = 0
  private var b: UInt64 = 0
  private var c: UInt64 = 0
  private var d: UInt64 = 0

  /// `body` gets exactly `count` zero bytes to fill.
  init(filledBy body: (UnsafeMutableRawBufferPointer) -> Void) {
    unsafe withUnsafeMutableBytes(of: &self) { unsafe body($0) }
  }

  init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.count else { return nil }
    unsafe self.init { buffer in unsafe buffer.copyBytes(from: bytes) }
  }

  var array: [UInt8] { unsafe withUnsafeBytes(of: self) { unsafe Array($0) } }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    unsafe Swift.withUnsafeBytes(of: self) { unsafe body($0) }
  }
}

package import Cryptography
package import JSON

/// The signed head of the log: a C2SP tlog-checkpoint in a signed note.
///
/// Origin, size and root on a line each, an empty line, then one line a signature:
/// `— name base64(key hash ‖ signature)`.
package struct Checkpoint: Hashable, Sendable {
  /// The most bytes of a checkpoint's text.
  package static let byteLimit = 16 << 10
  /// The most signature lines.
  package static let signatureLimit = 16

  /// One signature line. Lines of unknown keys (a witness's) are kept as they are.
  package struct Line: Hashable, Sendable {
    package let name: Text
    package let keyHash: UInt32
    /// 64 bytes for an Ed25519 key.
    package let signature: [UInt8]
  }

  package let origin: Text
  /// Entries that the root covers.
  package let size: Int
  package let root: Digest
  package let lines: [Line]

  init(origin: Text, size: Int, root: Digest, signer: VerifierKey, key: SigningKey) {
    self.origin = origin
    self.size = size
    self.root = root
    let signature = key.sign(Self.body(origin: origin, size: size, root: root))
    lines = [Line(name: signer.name, keyHash: signer.keyHash, signature: signature.bytes)]
  }

  /// Reads a checkpoint; `verify` is a step of its own.
  ///
  /// Throws `badCheckpoint` for anything but the exact form; extension lines are refused.
  package init(parsing bytes: some Collection<UInt8>) throws(LedgerError) {
    let lines = try Self.textLines(of: bytes)
    guard lines.count >= 5, lines[3].isEmpty else {
      throw .checkpoint("origin, size, root, an empty line and a signature are expected")
    }
    guard VerifierKey.isName(lines[0]) else { throw .checkpoint("the origin is no name") }
    guard let size = Int(lines[1].string), size >= 0, Text(String(size)) == lines[1] else {
      throw .checkpoint("the size is no plain whole number")
    }
    guard let root = Digest(base64: lines[2].string) else {
      throw .checkpoint("the root is no base64 of 32 bytes")
    }
    guard lines.count - 4 <= Self.signatureLimit else {
      throw .checkpoint("more than \(Self.signatureLimit) signatures")
    }
    var signatures: [Line] = []
    for line in lines[4...] {
      guard let signature = Line(line) else { throw .checkpoint("a bad signature line") }
      signatures.append(signature)
    }
    origin = lines[0]
    self.size = size
    self.root = root
    self.lines = signatures
  }

  package init(parsing text: String) throws(LedgerError) { try self.init(parsing: text.utf8) }

  /// The whole note, with its final newline.
  package var text: String {
    lines.reduce(String(decoding: body, as: UTF8.self) + "\n") { $0 + $1.text + "\n" }
  }

  /// The bytes that are signed: three lines, each with its newline.
  package var body: [UInt8] { Self.body(origin: origin, size: size, root: root) }

  /// Throws `badSignature` unless the origin is the key's name and the key signed exactly once.
  package func verify(with key: VerifierKey) throws(LedgerError) {
    let own = lines.filter { $0.name == key.name && $0.keyHash == key.keyHash }
    guard origin == key.name, own.count == 1, let signature = Signature(own[0].signature),
      key.key.verify(signature, of: body)
    else {
      throw LedgerError(
        .badSignature, "the checkpoint of size \(size) is not signed by \(key.name)",
        fix: "check that the verifier key is this log's; if it is, the checkpoint was forged")
    }
  }

  private static func body(origin: Text, size: Int, root: Digest) -> [UInt8] {
    Array("\(origin)\n\(size)\n\(root.base64)\n".utf8)
  }

  private static func textLines(of bytes: some Collection<UInt8>) throws(LedgerError) -> [Text] {
    guard bytes.count <= byteLimit else { throw .checkpoint("more than \(byteLimit) bytes") }
    let newline = UInt8(ascii: "\n")
    guard bytes.allSatisfy({ $0 == newline || ($0 >= 0x20 && $0 != 0x7F) }) else {
      throw .checkpoint("a control character")
    }
    var lines: [Text] = []
    for line in bytes.split(separator: newline, omittingEmptySubsequences: false) {
      guard let text = Text(utf8: line) else { throw .checkpoint("invalid UTF-8") }
      lines.append(text)
    }
    guard lines.last?.isEmpty == true else { throw .checkpoint("the last newline is missing") }
    return lines.dropLast()
  }
}

extension Checkpoint.Line {
  private static let mark = "\u{2014} "

  fileprivate init?(_ line: Text) {
    guard line.hasPrefix(Text(Self.mark)) else { return nil }
    let parts = line.utf8.dropFirst(Self.mark.utf8.count).split(
      separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let name = Text(utf8: parts[0]), VerifierKey.isName(name),
      let bytes = Base64.decode(String(decoding: parts[1], as: UTF8.self)), bytes.count > 4
    else { return nil }
    self.name = name
    keyHash = bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    signature = Array(bytes.dropFirst(4))
  }

  fileprivate var text: String {
    "\(Self.mark)\(name) \(Base64.encode(keyHash.bigEndianBytes + signature))"
  }
}

import Foundation

/// The `openssl` command: an implementation that is not ours.
package enum OpenSSLCommand {
  /// What it writes for these arguments with `input` on its standard input.
  package static func run(_ arguments: [String], input: [UInt8] = []) throws -> [UInt8] {
    let command = Process()
    command.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    command.arguments = ["openssl"] + arguments
    let (entry, exit) = (Pipe(), Pipe())
    command.standardInput = entry
    command.standardOutput = exit
    command.standardError = FileHandle.nullDevice
    try command.run()
    try entry.fileHandleForWriting.write(contentsOf: Data(input))
    try entry.fileHandleForWriting.close()
    let output = [UInt8](exit.fileHandleForReading.readDataToEndOfFile())
    command.waitUntilExit()
    return output
  }

  /// A fresh RSA private key in PEM form.
  package static func rsaKey(bits: Int = 2048) throws -> [UInt8] {
    try run(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"])
  }
}

import Testing

@testable import OperatorConsole

/// Lines of standard input, however they arrive.
@Suite struct LineAssemblyTests {
  @Test(arguments: [1, 2, 3, 7, 100])
  func `pieces of any length make the same lines`(length: Int) {
    var assembly = LineAssembly()
    let bytes = Array("list\n\nshow 1\r\nrej".utf8)
    var lines: [String?] = []
    for start in stride(from: 0, to: bytes.count, by: length) {
      lines += assembly.take(bytes[start..<min(start + length, bytes.count)])
    }
    #expect(lines == ["list", "", "show 1\r"])
    #expect(!assembly.isEmpty)
  }

  @Test func `a line that is too long is told of, and the next one counts`() {
    var assembly = LineAssembly()
    let long = [UInt8](repeating: 120, count: LineReader.lineLimit)
    #expect(assembly.take(long + [10]) == [String(decoding: long, as: UTF8.self)])
    #expect(assembly.take(long + long + [120, 10] + Array("list\n".utf8)) == [nil, "list"])
    #expect(assembly.isEmpty)
  }
}

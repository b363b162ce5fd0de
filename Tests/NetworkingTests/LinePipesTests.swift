import Testing

@testable import Networking

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct LinePipesTests {
  private func ends() throws -> [CInt] {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    return ends
  }

  @Test func longLinesAreToldOnceAndTheNextIsWhole() async throws {
    let ends = try ends()
    let reader = LinePipes(input: ends[0], lineBytes: 100)
    let writer = LinePipes(output: ends[1], lineBytes: 1)
    let writing = Task {
      let long = String(repeating: "x", count: 500_000)
      for line in ["one", long, "", String(repeating: "y", count: 100)] {
        try await writer.write(Array(line.utf8))
      }
      close(ends[1])
    }
    var seen: [LinePipes.Line] = []
    while let line = try await reader.next() { seen.append(line) }
    try await writing.value
    #expect(
      seen == [
        .whole(Array("one".utf8)), .tooLong, .whole([]),
        .whole([UInt8](repeating: 121, count: 100)),
      ])
    close(ends[0])
  }

  @Test func aLastLineWithoutItsEndCounts() async throws {
    let ends = try ends()
    let bytes = Array("a\nb".utf8)
    #expect(write(ends[1], bytes, bytes.count) == 3)
    close(ends[1])
    let reader = LinePipes(input: ends[0], lineBytes: 100)
    #expect(try await reader.next() == .whole([97]))
    #expect(try await reader.next() == .whole([98]))
    #expect(try await reader.next() == nil)
    close(ends[0])
  }

  @Test func aReaderThatIsGoneIsAnErrorAndNoSignal() async throws {
    let ends = try ends()
    close(ends[0])
    let writer = LinePipes(output: ends[1], lineBytes: 1)
    await #expect(throws: NetworkError.self) { try await writer.write([1]) }
    await #expect(throws: NetworkError.self) { try await writer.write([10]) }
    close(ends[1])
  }
}

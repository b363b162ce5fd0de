import JSON
import Logging
import Synchronization
import Testing

@testable import Gateway

@Suite("Shell: lines of the log")
struct LogOutputTests {
  /// What is written for one message.
  private func written(
    _ format: LogFormat, _ message: String, _ metadata: Logger.Metadata = [:]
  ) -> String {
    let bytes = Mutex<[UInt8]>([])
    var logger = Logger(label: "test") { _ in
      LogOutput(format) { line in bytes.withLock { $0 += line } }
    }
    logger.logLevel = .trace
    logger.info("\(message)", metadata: metadata)
    return String(decoding: bytes.withLock { $0 }, as: UTF8.self)
  }

  @Test func jsonIsOneObjectALine() throws {
    let line = written(
      .json, "a\nb\u{1B}[2J", ["time": "x", "tool": "q\r\n", "all": ["1", "2"], "in": ["k": "v"]])
    #expect(line.hasSuffix("\n") && !line.dropLast().contains { $0.isNewline })
    let json = try JSONParser.parse(Array(line.dropLast().utf8), limits: .peer)
    #expect(json["message"] == #"a\u{a}b\u{1b}[2J"#)
    #expect(json["level"] == "info")
    #expect(json["tool"] == #"q\u{d}\u{a}"#)
    #expect(json["time_"] == "x")
    #expect(json["all"] == ["1", "2"])
    #expect(json["in"]?["k"] == "v")
  }

  @Test func textIsOneLineAndItsValuesCannotLookLikeOthers() {
    let line = written(.text, "hello", ["tool": "a b=\"c\"\n", "agent": "alpha"])
    #expect(line.hasSuffix(#" info hello agent=alpha tool="a b=\"c\"\\u{a}""# + "\n"))
  }

  @Test func longTextIsCut() {
    #expect(written(.text, String(repeating: "x", count: 5_000)).utf8.count < 1_100)
  }
}

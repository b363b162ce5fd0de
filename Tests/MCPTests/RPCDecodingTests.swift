import JSON
import Testing

@testable import MCP

@Suite struct RPCDecodingTests {
  @Test(arguments: [
    #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
    #"{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"x","n":1.50e2}}"#,
    #"{"jsonrpc":"2.0","id":-9223372036854775808,"method":"ping"}"#,
    #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    #"{"jsonrpc":"2.0","id":1,"result":{"b":1,"a":[]}}"#,
    #"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no","data":null}}"#,
    #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
  ])
  func `what is read is written byte for byte`(_ text: String) {
    #expect(String(decoding: message(text).bytes, as: UTF8.self) == text)
  }

  struct Refused: CustomTestStringConvertible, Sendable {
    let what: String
    let text: String
    let code: RPCError.Code
    let id: RPCID?
    let isAnswered: Bool
    var testDescription: String { what }

    init(
      _ what: String, _ text: String, _ code: RPCError.Code = .invalidRequest, id: RPCID? = nil,
      isAnswered: Bool = true
    ) {
      self.what = what
      self.text = text
      self.code = code
      self.id = id
      self.isAnswered = isAnswered
    }
  }

  static let refused = [
    Refused("nothing", "", .parse),
    Refused("cut short", #"{"jsonrpc":"2.0","id":1"#, .parse),
    Refused("a byte order mark", "\u{FEFF}" + #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, .parse),
    Refused("two messages", #"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#, .parse),
    Refused(
      "a duplicate method",
      #"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, .parse),
    Refused(
      "a duplicate argument",
      #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":{"q":1,"\u0071":2}}}"#, .parse),
    Refused(
      "a lone surrogate",
      #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\ud800"}}"#, .parse),
    Refused("NaN", #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":NaN}}"#, .parse),
    Refused(
      "a number of 100 digits",
      #"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"#
        + String(repeating: "9", count: 100) + "}}", .parse),
    Refused(
      "too deep",
      #"{"jsonrpc":"2.0","id":1,"method":"m","params":"#
        + String(repeating: "[", count: 5000), .parse),
    Refused("a batch", #"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#),
    Refused("a string", #""ping""#),
    Refused("null", "null"),
    Refused("no version", #"{"id":1,"method":"ping"}"#, id: .number(1)),
    Refused("version 1.0", #"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, id: .number(1)),
    Refused("version as a number", #"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, id: .number(1)),
    Refused("a null id", #"{"jsonrpc":"2.0","id":null,"method":"ping"}"#),
    Refused("a fraction as id", #"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#),
    Refused("1.0 as id", #"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#),
    Refused("minus zero as id", #"{"jsonrpc":"2.0","id":-0,"method":"ping"}"#),
    Refused("an id past 64 bits", #"{"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"}"#),
    Refused("true as id", #"{"jsonrpc":"2.0","id":true,"method":"ping"}"#),
    Refused("an object as id", #"{"jsonrpc":"2.0","id":{},"method":"ping"}"#),
    Refused(
      "an id without end",
      #"{"jsonrpc":"2.0","id":""# + String(repeating: "x", count: 600) + #"","method":"ping"}"#),
    Refused(
      "Method beside method",
      #"{"jsonrpc":"2.0","id":7,"method":"ping","Method":"tools/call"}"#, id: .number(7)),
    Refused("PARAMS only", #"{"jsonrpc":"2.0","id":7,"method":"m","PARAMS":{}}"#, id: .number(7)),
    Refused(
      "an unknown member", #"{"jsonrpc":"2.0","id":7,"method":"m","auth":1}"#,
      id: .number(7)),
    Refused(
      "parameters as an array", #"{"jsonrpc":"2.0","id":7,"method":"m","params":[]}"#,
      id: .number(7)),
    Refused(
      "parameters as null", #"{"jsonrpc":"2.0","id":7,"method":"m","params":null}"#,
      id: .number(7)),
    Refused(
      "parameters as a string", #"{"jsonrpc":"2.0","id":7,"method":"m","params":"{}"}"#,
      id: .number(7)),
    Refused("no method", #"{"jsonrpc":"2.0","id":7}"#, id: .number(7)),
    Refused("an empty method", #"{"jsonrpc":"2.0","id":7,"method":""}"#, id: .number(7)),
    Refused("a method as a number", #"{"jsonrpc":"2.0","id":7,"method":7}"#, id: .number(7)),
    Refused(
      "request and answer", #"{"jsonrpc":"2.0","id":7,"method":"m","result":{}}"#,
      id: .number(7)),
    Refused(
      "result and error",
      #"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":""}}"#, isAnswered: false),
    Refused("a result without id", #"{"jsonrpc":"2.0","result":{}}"#, isAnswered: false),
    Refused(
      "a result with a null id", #"{"jsonrpc":"2.0","id":null,"result":{}}"#,
      isAnswered: false),
    Refused("an error as a string", #"{"jsonrpc":"2.0","id":7,"error":"no"}"#, isAnswered: false),
    Refused(
      "an error code with a fraction",
      #"{"jsonrpc":"2.0","id":7,"error":{"code":1.5,"message":""}}"#, isAnswered: false),
    Refused(
      "a notification with an array", #"{"jsonrpc":"2.0","method":"m","params":[]}"#,
      isAnswered: false),
  ]

  @Test(arguments: refused)
  func `what two readers could read differently is refused`(_ row: Refused) {
    do throws(RPCRefusal) {
      let message = try RPCMessage.decode(row.text.utf8, limits: .agent)
      Issue.record("accepted as \(message)")
    } catch {
      #expect(error.error.code == row.code, "\(error.error)")
      #expect(error.id == row.id)
      #expect(error.isAnswered == row.isAnswered)
      #expect((error.answer == nil) == !row.isAnswered)
    }
  }

  @Test func `a batch is refused in words`() {
    #expect {
      try RPCMessage.decode("[]".utf8, limits: .agent)
    } throws: { error in
      (error as? RPCRefusal)?.error.message.contains("batches") == true
    }
  }

  @Test func `a message past the limit is refused before it is read`() {
    let limits = JSONLimits(bytes: 20)
    #expect(throws: RPCRefusal.self) {
      try RPCMessage.decode(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.utf8, limits: limits)
    }
  }

  @Test func `ids are compared as bytes`() {
    #expect(RPCID.string("\u{212A}") != .string("K"))
    #expect(RPCID.string("1") != .number(1))
  }

  @Test func `one message is one line whatever it holds`() {
    let params = object(["text": "a\r\nb\u{0085}\n"])
    let line = RPCMessage.notification("notifications/message", params).line
    #expect(line.last == 0x0A)
    #expect(!line.dropLast().contains(0x0A) && !line.contains(0x0D))
  }
}

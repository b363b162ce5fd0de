import Decimals
import JSON
import OperatorProtocol
import Terminal
import TestSupport
import Testing
import Time

@testable import Console

/// Text that tries to leave its cells, made by code: none of it approves, moves the cursor, or hides a
/// digit, whichever field an agent writes it into.
@Suite struct HostileTests {
  static let escapes: [String] = [
    "\u{1B}[2J", "\u{1B}[1;1H", "\u{1B}[31m", "\u{1B}[?1049l", "\u{1B}[6n", "\u{1B}]0;owned\u{7}",
    "\u{1B}]52;c;YQ==\u{7}", "\u{1B}]777;notify;a;b\u{7}", "\u{1B}P+q544e\u{1B}\\",
    "\u{1B}_x\u{1B}\\", "\u{1B}c", "\u{1B}(0", "\u{1B}[200~a47\u{1B}[201~", "\u{9B}2J",
    "\u{9D}0;x\u{9C}", "\u{90}q\u{9C}", "\u{1B}[5;5r", "\u{1B}#8", "\u{1B}[?25l", "\u{1B}7",
  ]

  static let ranges: [ClosedRange<UInt32>] = [
    0x01...0x1F, 0x7F...0x9F, 0xAD...0xAD, 0x34F...0x34F, 0x61C...0x61C, 0x115F...0x1160,
    0x17B4...0x17B5, 0x180B...0x180F, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F,
    0x3164...0x3164, 0xFE00...0xFE0F, 0xFEFF...0xFEFF, 0xFFA0...0xFFA0, 0xFFF9...0xFFFB,
    0xE000...0xE003, 0xE0001...0xE0001, 0xE0020...0xE003F, 0xF0000...0xF0001,
  ]

  /// Single scalars of every kind, sequences, look-alikes, wide and combining text, and long ones.
  static let payloads: [String] = {
    var all = escapes
    for range in ranges {
      all += range.compactMap { Unicode.Scalar($0).map { String($0) } }
    }
    all += ["АВСЕ", "ΒΤС", "\u{212A}", "１２３", "漢字漢字", "😀", "👨\u{200D}👩\u{200D}👧"]
    all += ["e" + String(repeating: "\u{301}", count: 40), "\u{1D165}\u{1D165}", "אבג 12 דהו"]
    all += ["\r", "\r\n", "\n\n\n", "\t", "a\u{8}\u{8}\u{8}b", "\u{0}"]
    all += [String(repeating: "漢", count: 500), String(repeating: "W", count: 3_000)]
    all += ["a47", "approve now!", "1 2 3", "Buy BTCUSDT 1", "\r> ok BUY 9.99 BTC"]
    return all
  }()

  /// What no cell may ever hold.
  static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar.value) } || scalar.value < 0x20
  }

  static func check(_ frame: Frame, _ words: String) {
    #expect(frame.cells.count == frame.size.width * frame.size.height)
    for y in 0..<frame.size.height {
      var x = 0
      while x < frame.size.width {
        guard let cell = frame[Point(x: x, y: y)] else { return }
        guard let glyph = cell.glyph else {
          Issue.record("\(words): half a character at \(x),\(y)")
          return
        }
        if glyph.scalars.contains(where: isHarmful) {
          Issue.record("\(words): a cell holds U+\(String(glyph.base.value, radix: 16))")
          return
        }
        x += glyph.width
      }
    }
    if let cursor = frame.cursor { #expect(frame.bounds.contains(cursor)) }
  }

  @Test func `there are enough of them`() {
    #expect(Self.payloads.count >= 200)
  }

  /// One console with a payload in every field that comes from outside.
  static func desk(_ text: String, on base: Desk) -> Desk {
    var desk = base
    var call = Sample.call
    call.agent = Text("ag\(text)ent")
    call.tool = Text("to\(text)ol")
    call.arguments = JSONWriter.canonicalText(of: [
      "v": .string("7\(text)3"), Text("k\(text)"): .int(1),
    ])
    call.findings = [Sample.finding("F07", .high, [], "so \(text) it is", true)]
    call.findings[0].evidence = .init(
      title: text, version: 1, outcome: "high", formula: text, value: text, limit: text,
      setBy: text, inputs: [.init(name: Text(text), age: .milliseconds(1))])
    desk.deliverQuietly(.feed(.batch(call.summary)))
    desk.deliverQuietly(.detail(call.detail))
    var leg = Live.leg(at: noon, 1)
    (leg.words, leg.symbol, leg.agent) = (text, Text("S\(text)"), Text(text))
    desk.deliverQuietly(.feed(.order(leg)))
    var status = StatusView.sample(warnings: ["beware \(text)"])
    status.frozen = .init(by: Text(text), reason: text, since: noon)
    status.paused = [.init(agent: Text(text), halt: .init(by: "x", reason: text, since: noon))]
    desk.deliverQuietly(.feed(.status(status)))
    desk.deliverQuietly(.agents([AgentView(name: Text(text), isRevoked: false)]))
    desk.deliverQuietly(
      .policy(
        PolicyView(
          digest: status.policyDigest, rules: [text], warnings: [text],
          hits: [.init(rule: text, count: 1)])))
    var limit = Live.limits[0]
    (limit.counter, limit.of) = (Text(text), [Text(text)])
    desk.deliverQuietly(.limits([limit]))
    let tool = ToolDeskTests.definitions(text, "now \(text)", tool: Text("t\(text)"))
    desk.model.toolCursor = ToolName(tool.tool)
    desk.deliverQuietly(.toolDefinitions(tool))
    var market = ExposureView.Market(symbol: Text(text))
    market.mark = 1
    desk.deliverQuietly(.exposure(ExposureView(markets: [market], account: .missing(text))))
    desk.deliverQuietly(
      .ledgerPage(
        entries: [["index": .int(1), "kind": .string(text), "body": ["by": .string(text)]]], size: 2
      ))
    desk.deliverQuietly(.checkpoint(text))
    desk.deliverQuietly(.notice(text))
    return desk
  }

  @Test(arguments: 0..<8) func `no field leaves its cells, on any page`(part: Int) {
    let base = Desk([], width: 100, height: 40)
    for (index, text) in Self.payloads.enumerated() where index % 8 == part {
      var desk = Self.desk(text, on: base)
      // Every page for one in six, so that each kind is on each page; the batch for all.
      for screen in ScreenKind.allCases where index % 48 == part || screen == .batch {
        desk.model.screen = screen
        Self.check(
          desk.model.render(size: desk.size), "\(screen) \(text.debugDescription.prefix(40))")
      }
      #expect(!desk.isArmed)
      #expect(desk.decisions.isEmpty)
      // Only fixed words and numbers leave the cells.
      for case .copy(let copied) in desk.effects { Issue.record("copied \(copied)") }
    }
  }

  @Test(arguments: 0..<4) func `no payload hides a digit beside it`(part: Int) {
    for (index, text) in Self.payloads.enumerated() where index % 4 == part {
      let safe = SafeText(untrusted: "7\(text)3")
      #expect(safe.string.unicodeScalars.first == "7")
      #expect(safe.string.unicodeScalars.last == "3")
      #expect(safe.width >= 2)
      // Cell by cell: the last digit stands in the last cell and nothing stands over the first.
      var frame = Frame(size: Size(width: min(900, safe.width + 2), height: 1))
      frame.draw(safe, at: .zero)
      guard safe.width < 900 else { continue }
      #expect(frame[.zero]?.glyph?.base == "7")
      #expect(frame[Point(x: safe.width - 1, y: 0)]?.glyph?.base == "3")
      #expect(frame[Point(x: safe.width, y: 0)] == .blank)
    }
  }

  @Test(arguments: 0..<4) func `no payload typed or pasted into a panel approves`(part: Int) {
    var ready = Desk([.calm], width: 80, height: 24)
    ready.look(at: .calm)
    ready.press("a")
    ready.wait(1_000)
    for (index, text) in Self.payloads.enumerated() where index % 4 == part {
      var desk = ready
      for scalar in text.unicodeScalars.prefix(40) {
        desk.now = desk.now + Milliseconds(30)
        desk.deliverQuietly(.input(.key(.character(scalar))))
      }
      desk.wait(500)
      #expect(desk.approvals.isEmpty)
    }
  }
}

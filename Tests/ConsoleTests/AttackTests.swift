import JSON
import OperatorProtocol
import Terminal
import Testing
import Time

@testable import Console

/// What people and programs have done to other consoles, with a clock that is given.
@Suite struct AttackTests {
  /// A calm batch that has been read.
  static func ready(_ sample: Sample = .calm) -> Desk {
    var desk = Desk([sample])
    desk.look(at: sample)
    return desk
  }

  @Test(arguments: [0, 1, 5, 10, 24, 30, 60, 100, 150, 200, 250, 300, 350, 400] as [Int64])
  func `the code behind the key, at any distance, approves nothing`(gap: Int64) {
    var desk = Self.ready()
    desk.press("a", "4", "7", every: gap)
    desk.wait(5_000)
    #expect(desk.approvals.isEmpty)
    // Nor when the same is tried again and again without a look at the panel.
    for _ in 0..<10 { desk.press("a", "4", "7", every: gap) }
    desk.wait(5_000)
    #expect(desk.approvals.isEmpty)
  }

  @Test(arguments: [1, 5, 20, 33, 50] as [Int64])
  func `a key that is held down approves nothing`(gap: Int64) {
    for key in ["a", "4", "7", " "] as [Key] {
      var desk = Self.ready()
      desk.press("a")
      for count in 0..<(900 / gap) {
        desk.now = desk.now + Milliseconds(gap)
        desk.deliverQuietly(.input(.key(key)))
        if count % 100 == 0 { desk.paint() }
      }
      desk.wait(500)
      #expect(desk.approvals.isEmpty)
    }
  }

  @Test func `a paste between two digits counts as one and disarms`() {
    var desk = Self.ready()
    desk.press("a")
    desk.wait(1_000)
    desk.press("4")
    desk.send(.input(.pasteBegan))
    desk.send(.input(.pasteEnded))
    desk.type("7")
    #expect(desk.approvals.isEmpty)
  }

  @Test(arguments: [-3_600_000, -1_000, -1, 0] as [Int64])
  func `a clock that is set back opens no key early`(step: Int64) {
    var desk = Self.ready()
    desk.press("a")
    desk.now = desk.now + Milliseconds(step)
    desk.type("47", every: 0)
    #expect(desk.approvals.isEmpty)
  }

  @Test func `a clock that jumps lets an approval expire, and never makes one`() {
    var desk = Self.ready()
    desk.press("a")
    desk.wait(1_000)
    desk.press("4")
    desk.wait(700_000)
    #expect(!desk.isArmed)
    desk.type("7")
    #expect(desk.approvals.isEmpty)
  }

  @Test func `rows that shift while a is pressed shift nothing`() {
    for _ in 0..<8 {
      var desk = Desk([.calm, .unchecked])
      desk.look(at: .calm)
      // The arrival comes between the look and the key.
      desk.deliverQuietly(.feed(.batch(Sample.blocked.summary)))
      desk.deliverQuietly(.feed(.batch(Sample.high.summary)))
      desk.press("a")
      desk.wait(1_000)
      desk.type("47")
      #expect(desk.approvals.map(\.batch) == [Sample.calm.id])
    }
  }

  @Test func `a revision between the two digits voids the first`() {
    var desk = Self.ready()
    desk.press("a")
    desk.wait(1_000)
    desk.press("4")
    var next = Sample.calm
    next.revision = 2
    desk.send(.feed(.batch(next.summary)))
    desk.send(.detail(next.detail))
    desk.type("7")
    #expect(desk.approvals.isEmpty)
  }

  @Test func `a link that was lost and came back does not leave the panel open`() {
    var desk = Self.ready()
    desk.press("a")
    desk.wait(1_000)
    desk.press("4")
    desk.send(.linkDown("cut"))
    desk.send(.linkUp)
    desk.send(.queue([Sample.calm.summary]))
    desk.type("7")
    #expect(desk.approvals.isEmpty)
  }

  @Test func `a page that lies over the batch keeps it from being approved`() {
    for key in ["i", "o", "d", "?", "5", "6", "7"] as [Key] {
      var desk = Self.ready()
      desk.press(key, "a")
      desk.wait(1_000)
      #expect(!desk.isArmed)
    }
  }

  @Test func `the first of two signs, and cannot sign for the second`() {
    var row = Sample.calm.summary
    row.quorum = 2
    row.state = .partlySigned
    row.signedBy = ["ops1"]
    row.roles = ["admin", "operator"]
    var desk = Desk([])
    desk.send(.feed(.batch(row)))
    desk.send(.detail(Sample.calm.detail))
    desk.send(.feed(.batch(row)))
    desk.wait(2_000)
    #expect(desk.text.contains("signed 1 of 2 (ops1)"))
    #expect(desk.text.contains("may sign: admin or operator"))
    desk.press("a")
    #expect(!desk.isArmed)
    #expect(desk.text.contains("you have signed it; 1 more must"))
  }

  @Test func `a small terminal while armed disarms`() {
    var desk = Self.ready()
    desk.press("a")
    desk.wait(1_000)
    desk.size = Size(width: 60, height: 20)
    desk.send(.input(.resized(desk.size)))
    desk.type("47")
    #expect(desk.approvals.isEmpty)
  }

  @Test func `twenty approvals in a minute make the next one wait`() {
    var desk = Self.ready()
    desk.model.approvals = Array(repeating: desk.now, count: ConsoleModel.approvalsPerMinute)
    desk.press("a")
    #expect(!desk.isArmed)
    #expect(desk.text.contains("approvals in a minute"))
    desk.wait(61_000)
    desk.press("a")
    #expect(desk.isArmed)
  }
}

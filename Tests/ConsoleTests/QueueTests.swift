import OperatorProtocol
import Terminal
import Testing
import Time

@testable import Console

@Suite struct QueueTests {
  @Test func `worst first, then oldest`() {
    let desk = Desk(Sample.five)
    #expect(
      desk.model.queue.order
        == [Sample.blocked, .high, .reducing, .unchecked, .calm].map(\.id))
  }

  @Test func `an arrival moves neither the cursor nor a row while keys are used`() {
    var desk = Desk([.calm, .unchecked])
    desk.press("j")
    let before = desk.model.queue
    desk.add(.blocked)
    #expect(desk.model.queue.selected == before.selected)
    #expect(Array(desk.model.queue.order.prefix(2)) == before.order)
    #expect(desk.text.contains("new 1"))
    desk.wait(5_100)
    #expect(desk.model.queue.order.first == Sample.blocked.id)
    #expect(desk.model.queue.selected == before.selected)
  }

  @Test func `a row that leaves stays until the cursor leaves it`() {
    var desk = Desk([.calm, .unchecked])
    desk.look(at: .unchecked)
    var gone = Sample.unchecked.summary
    gone.state = .withdrawn
    gone.outcome = "withdrawn by the agent"
    desk.send(.feed(.batch(gone)))
    desk.wait(10_000)
    #expect(desk.model.queue.selected == Sample.unchecked.id)
    #expect(desk.text.contains("WITHDRAWN"))
    desk.press("a")
    #expect(!desk.isArmed)
    desk.press("k")
    desk.wait(6_000)
    #expect(desk.model.queue.order == [Sample.calm.id])
  }

  @Test func `a row that is not listed any more is gone`() {
    var desk = Desk([.calm, .unchecked])
    desk.look(at: .unchecked)
    desk.send(.queue([Sample.calm.summary]))
    #expect(desk.text.contains("GONE"))
  }

  @Test(arguments: 0..<4) func `no event moves the cursor`(seed: UInt64) {
    var random = Mixer(state: seed)
    var desk = Desk(Sample.five)
    desk.look(at: .unchecked)
    for _ in 0..<100 {
      var row = Sample.five[Int(random.next() % 5)].summary
      row.state = HoldState.allCases[Int(random.next() % UInt64(HoldState.allCases.count))]
      row.severity = Severity.allCases[Int(random.next() % 6)]
      desk.send(.feed(.batch(row)))
      if random.next() % 5 == 0 { desk.wait(6_000) }
      #expect(desk.model.queue.selected == Sample.unchecked.id)
    }
  }

  @Test func `a lower revision never replaces a higher one`() {
    var desk = Desk([])
    var second = Sample.calm
    second.revision = 2
    desk.add(second)
    desk.send(.feed(.batch(Sample.calm.summary)))
    #expect(desk.model.queue.selectedRow?.revision == 2)
  }

  @Test func `the statement is asked for once per version`() {
    var desk = Desk([])
    desk.send(.feed(.batch(Sample.calm.summary)))
    desk.send(.feed(.batch(Sample.calm.summary)))
    desk.wait(1_000)
    #expect(desk.effects.filter { $0 == .fetchDetail(Sample.calm.id) }.count == 1)
  }

  @Test func `nothing waits: one wake a minute`() {
    var desk = Desk([])
    desk.effects = []
    desk.now = seconds(5)
    desk.send(.tick)
    #expect(desk.effects == [.wake(at: seconds(60))])
  }

  @Test func `the bell rings once a minute`() {
    var desk = Desk([])
    desk.add(.high)
    desk.add(.blocked)
    #expect(desk.effects.filter { $0 == .bell }.count == 1)
  }
}

import JSON
import OperatorProtocol
import Orders
import Risk
import Simulation
import TestSupport
import Testing
import Time

@testable import Approvals

/// What is counted along agrees with what a look at every call would find.
struct HeldCallsTests {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func countsAgreeWithTheCallsAfterAnyHistory(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var play = Playbook()
    for step in 0..<120 {
      switch Int.random(in: 0..<8, using: &generator) {
      case 0...2:
        let price = Text("\(1000 + Int.random(in: 0..<40, using: &generator))")
        play.call(
          "wsBatchCreateOrders", Bench.batch(price.string),
          as: Bool.random(using: &generator) ? "bot" : "hal")
      case 3: play.saved()
      case 4 where !play.batches.isEmpty:
        play.decides(
          "ada", Bool.random(using: &generator) ? .approve : .reject,
          Int.random(in: 1...play.batches.count, using: &generator),
          cools: Bool.random(using: &generator))
      case 5: play.after(.seconds(Int64.random(in: 0...30, using: &generator)))
      case 6:
        let number = UInt64.random(in: 1...UInt64(step + 1), using: &generator)
        play >> .cancelled(RequestID(number))
      default: play >> .sessionEnded(1)
      }
      expectAgreement(play.gate)
    }
    play.after(.minutes(20))
    expectAgreement(play.gate)
    #expect(play.gate.held.open == 0)
  }

  private func expectAgreement(_ gate: Gatekeeper) {
    let held = gate.held
    #expect(held.open == held.values.count { $0.state.isOpen })
    #expect(held.openOnDisk == held.values.count { $0.state.isOpen && $0.isDurable })
    for agent in ["bot", "hal"] as [Text] {
      #expect(held.open(of: agent) == held.values.count { $0.state.isOpen && $0.agent == agent })
      let own = held.values.filter { $0.agent == agent }.sorted { $0.id < $1.id }
      func legs(_ calls: some Sequence<HeldCall>) -> [RecentHistory.PastLeg] {
        calls.flatMap { call in
          (call.order?.legs ?? []).map {
            RecentHistory.PastLeg(
              leg: $0, batch: call.id.text, at: call.receivedAt,
              fate: RecentHistory.Fate(call.state), worth: call.assessment.worths[$0.index])
          }
        }
      }
      let past = held.past.history(of: agent, before: nil, at: gate.now)
      #expect(past.legs == legs(own))
      #expect(past.day.orders == past.legs.count)
      if let last = own.last {
        let before = held.past.history(of: agent, before: last.id, at: gate.now)
        #expect(before.legs == legs(own.dropLast()))
      }
    }
    #expect(held.settled == Set(held.values.filter { $0.state.isSettled }.map(\.id)))
    #expect(held.tracked == Set(held.values.filter { $0.tracker != nil }.map(\.id)))
    let sendable = held.values.filter {
      $0.state.isOpen || $0.state == .cooling || $0.state == .approved
    }
    #expect(Set(held.listings.map(\.symbol)) == Set(sendable.flatMap { $0.order?.symbols ?? [] }))
    var asked = held
    let deadlines = sendable.flatMap {
      [$0.statement.expiresAt, $0.coolingUntil].compactMap(\.self)
    }
    #expect(asked.nextDeadline() == deadlines.min())
  }

  @Test func deadlinesComeOutOnceAndInOrder() {
    var deadlines = Deadlines<Int>()
    for key in 0..<200 { deadlines.set(key, Timestamp(milliseconds: Int64((key * 7919) % 200))) }
    for key in 0..<200 where key % 3 == 0 { deadlines.set(key, nil) }
    for key in 0..<200 where key % 3 == 1 {
      deadlines.set(key, Timestamp(milliseconds: Int64(key + 500)))
    }
    var expected: [Int: Int64] = [:]
    for key in 0..<200 where key % 3 != 0 {
      expected[key] = key % 3 == 1 ? Int64(key + 500) : Int64((key * 7919) % 200)
    }
    for moment in stride(from: Int64(0), through: 720, by: 13) {
      let now = Timestamp(milliseconds: moment)
      let due = deadlines.takeDue(now).sorted()
      #expect(due == expected.filter { $0.value <= moment }.keys.sorted())
      for key in due { expected[key] = nil }
      #expect(deadlines.next()?.milliseconds == expected.values.min())
    }
    #expect(deadlines.count == 0)
  }

  @Test func changingOneMomentForEverKeepsTheHeapSmall() {
    var deadlines = Deadlines<Int>()
    for moment in 0..<10_000 as Range<Int64> {
      deadlines.set(1, Timestamp(milliseconds: 1_000_000 - moment))
    }
    #expect(deadlines.entries <= 64 + 3)
    let next = deadlines.next()
    #expect(next == Timestamp(milliseconds: 990_001))
  }
}

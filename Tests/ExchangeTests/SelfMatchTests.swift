import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Self-match prevention")
struct SelfMatchTests {
  /// Ann's resting buy meets a sell of `taker` with this type. Returns both orders afterwards.
  func meet(
    _ type: SelfMatch, by taker: AccountID = Desk.ann, grouped: Bool = false
  ) throws -> (maker: Order, taker: Order) {
    var desk = Desk { if grouped { $0.selfMatchGroups = [Desk.ann: 7, Desk.bob: 7] } }
    let maker = try desk.place(limit(.buy, 100, at: "0.3001", "HIFIUSDT"))
    var request = limit(.sell, 60, at: "0.3001", "HIFIUSDT")
    request.selfMatch = type
    let order = try desk.place(request, by: taker)
    return (try desk.now(maker), order)
  }

  @Test("None: the orders trade")
  func none() throws {
    let (maker, taker) = try meet(.none)
    #expect(taker.status == .filled)
    #expect(maker.filled == 60)
  }

  @Test("CancelMaker: the resting one goes, the new one rests")
  func cancelMaker() throws {
    let (maker, taker) = try meet(.cancelMaker)
    #expect(maker.cancelType == .bySelfMatch)
    #expect(maker.selfMatchOrderID == taker.id)
    #expect(taker.status == .new)
  }

  @Test("CancelTaker: the new one goes")
  func cancelTaker() throws {
    let (maker, taker) = try meet(.cancelTaker)
    #expect(maker.status == .new)
    #expect(taker.cancelType == .bySelfMatch)
    #expect(taker.filled == 0)
  }

  @Test("CancelBoth: both go")
  func cancelBoth() throws {
    let (maker, taker) = try meet(.cancelBoth)
    #expect(maker.cancelType == .bySelfMatch)
    #expect(taker.cancelType == .bySelfMatch)
  }

  @Test("another account trades, unless it is of the same group")
  func groups() throws {
    #expect(try meet(.cancelBoth, by: Desk.bob).taker.status == .filled)
    let (maker, taker) = try meet(.cancelBoth, by: Desk.bob, grouped: true)
    #expect(maker.cancelType == .bySelfMatch)
    #expect(taker.selfMatchGroup == 7)
    #expect(taker.status == .cancelled)
  }
}

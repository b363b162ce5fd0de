package import JSON
package import Time

/// How long the machine has been up, suspended time included.
package struct Uptime: Hashable, Sendable {
  /// Names the start of the machine: lengths of different starts cannot be compared.
  package let boot: Text
  package let length: Milliseconds

  package init(boot: Text, length: Milliseconds) {
    self.boot = boot
    self.length = length
  }
}

/// The time that limits run on: it moves on by the time that passes, whatever the wall clock is set
/// to.
///
/// While one start of the machine lasts, also across restarts of the gateway, only the uptime counts.
/// After another start, or where there is no uptime, the wall clock is believed when it is ahead; when
/// it is behind, no time counts as passed. So the time never runs backwards and never stands still.
struct LimitClock: Hashable, Sendable {
  private(set) var time = Timestamp(milliseconds: 0)
  private var uptime: Uptime?

  init() {}

  mutating func advance(wall: Timestamp, uptime new: Uptime?) {
    guard let new, let old = uptime, new.boot == old.boot else {
      time = max(time, wall)
      uptime = new
      return
    }
    guard new.length > old.length else { return }
    time = time + Milliseconds(new.length.count - old.length.count)
    uptime = new
  }
}

extension LimitClock: JSONConvertible {
  var json: JSONValue {
    .compact([
      "time": .int(time.milliseconds), "boot": uptime.map { .string($0.boot) },
      "uptime_ms": uptime.map { .int($0.length.count) },
    ])
  }

  init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["time", "boot", "uptime_ms"])
    time = Timestamp(milliseconds: Int64(try json.member("time").int()))
    guard let boot = try json.optional("boot")?.text() else { return }
    uptime = Uptime(
      boot: boot, length: .milliseconds(Int64(try json.member("uptime_ms").int())))
  }
}

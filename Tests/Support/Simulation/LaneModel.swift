import Approvals
import JSON
import OperatorProtocol
import Time

/// The children through which held calls are sent. Commands are carried out in order; a child that
/// an earlier run left behind goes on with what it has until its group is killed.
struct LaneModel {
  enum Command {
    case open
    case kill(group: Text?)
    case send(Message)
  }

  struct Child {
    let group: Text
    let run: Int
    var isAlive = true
    var inbox: [Message] = []
  }

  /// What left a child and did not arrive yet. Killing the child does not call it back.
  struct Flight {
    let message: Message
    let signedAt: Timestamp
    let child: Int
  }

  var commands: [Command] = []
  var children: [Child] = []
  var wire: [Flight] = []
  var run = 1

  var current: Int? { children.lastIndex { $0.run == run && $0.isAlive } }

  mutating func open() -> Text {
    let group: Text = "g\(children.count + 1)"
    children.append(Child(group: group, run: run))
    return group
  }

  /// Without a group: every child of this run.
  mutating func kill(_ group: Text?) {
    for at in children.indices
    where group.map({ children[at].group == $0 }) ?? (children[at].run == run) {
      children[at].isAlive = false
      children[at].inbox = []
    }
  }

  mutating func crash() {
    commands = []
    run += 1
  }

  var busyChildren: [Int] {
    children.indices.filter { children[$0].isAlive && !children[$0].inbox.isEmpty }
  }
}

import Foundation

// The parts of `make bench` that must be measured from inside or made in bulk.
//
// usage: bench policy CONFIG/POLICY.json     what judging and parsing a call cost, as JSON
//        bench risk                          what all checks of a batch cost, as JSON
//        bench ledger DIRECTORY COUNT NAME   a state directory with a ledger of COUNT entries
//        bench stream SECONDS RATE           order updates from a socket into the console's model
//        bench send COUNT RATE               the exchange of it, until it is killed

let words = CommandLine.arguments.dropFirst()
switch (words.first, words.count) {
case ("policy", 2): try PolicyCost.report(catalogue: words.last ?? "")
case ("risk", 1): try RiskCost.report()
case ("ledger", 4):
  let rest = Array(words.dropFirst())
  try MadeLedger(directory: rest[0], name: rest[2]).fill(count: Int(rest[1]) ?? 0)
case ("stream", 3):
  let rest = words.dropFirst().compactMap { Int($0) }
  guard rest.count == 2, rest[0] > 0, rest[1] > 0 else { exit(2) }
  try await StreamCost.report(seconds: rest[0], rate: rest[1])
case ("send", 3):
  let rest = words.dropFirst().compactMap { Int($0) }
  guard rest.count == 2, rest[0] > 0, rest[1] > 0 else { exit(2) }
  try await StreamCost.send(rest[0], rest[1])
default:
  let usage =
    "usage: bench policy POLICY.json | bench risk | bench ledger DIRECTORY COUNT NAME | "
    + "bench stream SECONDS RATE | bench send COUNT RATE\n"
  FileHandle.standardError.write(Data(usage.utf8))
  exit(2)
}

package import Exchange
package import JSON
import Time

/// Reading rules: from a query, from a command line, from a file.
extension FaultRule {
  private static let common: Set<Text> = ["kind", "on", "call", "count"]

  /// A rule from its parameters by name. Throws 10001 for an unknown kind, a parameter that the kind
  /// does not take, and a value that is none.
  init(_ values: [Text: Text]) throws(Refusal) {
    guard let name = values["kind"] else { throw Self.bad("kind is required") }
    guard let kind = PaperFault.allCases.first(where: { Text($0.rawValue) == name }) else {
      let known = PaperFault.allCases.map(\.rawValue).joined(separator: ", ")
      throw Self.bad("\(name) is no known fault; there are \(known)")
    }
    self.init(kind)
    for (key, value) in values.sorted(by: { $0.key < $1.key }) where key != "kind" {
      guard Self.common.contains(key) || kind.parameters.contains(key) else {
        throw Self.bad("\(name) takes no \(key)")
      }
      try read(key, value)
    }
  }

  private mutating func read(_ key: Text, _ value: Text) throws(Refusal) {
    switch key {
    case "on": on = value
    case "call": call = try Self.number(key, value, in: 1...1_000_000)
    case "count": count = value == "all" ? nil : try Self.number(key, value, in: 1...1_000_000)
    case "code": code = try Self.number(key, value, in: 1...9_999_999)
    case "status": status = try Self.number(key, value, in: 400...599)
    case "from", "leg": leg = try Self.number(key, value, in: 1...100)
    case "delay":
      guard let length = Milliseconds(parsing: value.string), length <= .minutes(10) else {
        throw Self.bad("\(key) must be a length up to 10m, such as 250ms or 2s")
      }
      delay = length
    default:
      guard let length = Self.signed(value.string) else {
        throw Self.bad("\(key) must be a length with or without a sign, such as -3s")
      }
      offset = length
    }
  }

  private static func number(
    _ key: Text, _ value: Text, in range: ClosedRange<Int>
  ) throws(Refusal) -> Int {
    guard let number = Int(value.string), range.contains(number) else {
      throw bad(
        "\(key) must be \(range.lowerBound.description) to \(range.upperBound.description)")
    }
    return number
  }

  private static func signed(_ text: String) -> Milliseconds? {
    let isNegative = text.hasPrefix("-")
    guard let length = Milliseconds(parsing: isNegative ? String(text.dropFirst()) : text),
      length <= .minutes(24 * 60)
    else { return nil }
    return isNegative ? .milliseconds(-length.count) : length
  }

  private static func bad(_ message: Text) -> Refusal { .parameter("params error: \(message)") }

  /// A rule from a command line: `KIND`, `KIND=CALL` or `KIND=CALL,NAME=VALUE,…`.
  package init(argument: String) throws(Refusal) {
    var values: [Text: Text] = [:]
    for (place, part) in argument.split(separator: ",", omittingEmptySubsequences: false)
      .enumerated()
    {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = Text(pair[0])
      if place == 0 {
        values["kind"] = name
        if pair.count > 1 { values["call"] = Text(pair[1]) }
        continue
      }
      guard pair.count > 1 else { throw Self.bad("\(name) needs a value: \(name)=VALUE") }
      guard values.updateValue(Text(pair[1]), forKey: name) == nil else {
        throw Self.bad("\(name) stands twice")
      }
    }
    try self.init(values)
  }

  /// The rules of a file: an array of objects with the parameters as members, numbers or strings.
  package static func rules(_ file: JSONCursor) throws(JSONError) -> [FaultRule] {
    var rules: [FaultRule] = []
    for entry in try file.elements() {
      var values: [Text: Text] = [:]
      for (key, cursor) in try entry.members() {
        if case .number(let number) = cursor.value {
          values[key] = Text(number.text)
        } else {
          values[key] = try cursor.text()
        }
      }
      do { rules.append(try FaultRule(values)) } catch {
        throw entry.bad(error.message.string)
      }
    }
    return rules
  }
}

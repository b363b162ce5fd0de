/// Whose files they are that an agent with a shell must not be able to read.
package struct ShellFact: Fact, Hashable {
  package static let page = "docs/agent-with-a-shell.md"

  package var user: Int
  package var userName: String
  /// Whether a person or a program logs in as this user.
  package var isLogin: Bool
  /// Owners of what is there: the operator's key, the state, the exchange's secrets.
  package var operatorKey: Int?
  package var state: Int?
  package var secrets: [Int]

  package init(
    user: Int, userName: String, isLogin: Bool, operatorKey: Int?, state: Int?, secrets: [Int]
  ) {
    self.user = user
    self.userName = userName
    self.isLogin = isLogin
    self.operatorKey = operatorKey
    self.state = state
    self.secrets = secrets
  }

  package func findings(_ commands: Commands) -> [Finding] {
    let owned = [
      (operatorKey == user, "the operator's key"), (state == user, "the gateway's state"),
      (secrets.contains(user), "the exchange's secrets"),
    ].filter(\.0).map(\.1)
    if let fine = fine(owned) { return [Finding(.shell, .ok, fine)] }
    return [
      Finding(
        .shell, .warning,
        "\(userName) owns \(Self.list(owned)): an agent with a shell that runs as \(userName) "
          + "can read them, and then needs nobody's approval",
        mend: "give the gateway and the agent users of their own: \(Self.page)")
    ]
  }

  /// Why there is nothing to warn of; nil where there is.
  private func fine(_ owned: [String]) -> String? {
    if owned.isEmpty { return "\(userName) owns none of the files that matter" }
    if owned.count == 1, operatorKey == user {
      return "the gateway's files belong to another user; do not run an agent as \(userName)"
    }
    guard !isLogin, operatorKey != user else { return nil }
    return "\(userName) is no user whom a person or an agent logs in as"
  }

  private static func list(_ parts: [String]) -> String {
    guard let last = parts.last, parts.count > 1 else { return parts.joined() }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }
}

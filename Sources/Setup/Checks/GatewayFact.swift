/// Whether the gateway of this configuration runs, as its listeners and its lock tell.
package struct GatewayFact: Fact, Hashable {
  package enum Answer: Hashable, Sendable {
    case nobody
    case gateway
    /// What is there does not speak as a gateway does.
    case stranger
    case failed(String)
    /// It cannot be asked from here; the words say why.
    case unchecked(String)
    /// Port 0: only the gateway itself knows.
    case anyPort
  }

  package enum Lock: Hashable, Sendable {
    case free
    /// A gateway holds the state; its process, where the lock tells.
    case held(process: Int?)
    case unknown
  }

  package struct Listener: Hashable, Sendable {
    /// `agents` or `operators`.
    package var name: String
    package var address: String
    package var answer: Answer

    package init(name: String, address: String, answer: Answer) {
      self.name = name
      self.address = address
      self.answer = answer
    }
  }

  package var listeners: [Listener]
  package var lock: Lock

  package init(listeners: [Listener], lock: Lock) {
    self.listeners = listeners
    self.lock = lock
  }

  /// Whether a gateway runs for this state, or answers where the lock cannot be seen.
  package var runs: Bool {
    if case .held = lock { return true }
    return lock == .unknown && listeners.contains { $0.answer == .gateway }
  }

  package func findings(_ commands: Commands) -> [Finding] {
    let strange = listeners.compactMap(stranger)
    if !strange.isEmpty { return strange }
    let answering = listeners.filter { $0.answer == .gateway }
    switch lock {
    case .held(let process): return [held(process, commands)]
    case .free where !answering.isEmpty:
      return answering.map { listener in
        Finding(
          .gateway, .problem, "a gateway with another state answers at \(listener.address)",
          mend: "stop that one, or give listen.\(listener.name) another port")
      }
    case .free: return [stopped(commands)]
    case .unknown where answering.count == listeners.count:
      return [Finding(.gateway, .ok, "a gateway answers at " + addresses(answering))]
    case .unknown: return [stopped(commands)]
    }
  }

  private func held(_ process: Int?, _ commands: Commands) -> Finding {
    let who = process.map { " (process \($0))" } ?? ""
    let silent = listeners.filter { $0.answer == .nobody }
    guard silent.isEmpty else {
      return Finding(
        .gateway, .problem,
        "a gateway\(who) uses this state, but does not answer at " + addresses(silent),
        mend: "stop it and start it again, so that it reads this configuration",
        command: (process.map(Self.ending) ?? "") + commands.line("gateway"))
    }
    return Finding(.gateway, .ok, "it runs\(who): " + addresses(listeners))
  }

  /// Ends a gateway and waits for it: the next one needs its state.
  private static func ending(_ process: Int) -> String {
    "kill \(process); while kill -0 \(process) 2>/dev/null; do sleep 1; done; "
  }

  private func stopped(_ commands: Commands) -> Finding {
    Finding(
      .gateway, .note, "it does not run: nobody answers at " + addresses(listeners),
      mend: "start it in a terminal of its own, or as a service",
      command: commands.line("gateway"))
  }

  private func stranger(_ listener: Listener) -> Finding? {
    switch listener.answer {
    case .stranger:
      Finding(
        .gateway, .problem, "what answers at \(listener.address) is no gateway of this kind",
        mend: "end that program, or give listen.\(listener.name) another port")
    case .failed(let words):
      Finding(.gateway, .problem, "\(listener.address) does not answer as it should: \(words)")
    case .nobody, .gateway, .anyPort, .unchecked: nil
    }
  }

  private func addresses(_ some: [Listener]) -> String {
    some.map { "\($0.address) (\($0.name))" }.joined(separator: " and ")
  }
}

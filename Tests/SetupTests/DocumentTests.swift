import JSON
import Setup
import Testing

@Suite("What init writes")
struct DocumentTests {
  private func document(_ environment: SetupChoice.Environment) throws -> JSONValue {
    let choice = SetupChoice(environment: environment, program: "/o \"p/countersign")
    return try JSONParser.parse(choice.configuration.utf8, limits: .file)
  }

  @Test(
    "is one strict document, with every secret in a file",
    arguments: SetupChoice.Environment.allCases)
  func configuration(environment: SetupChoice.Environment) throws {
    let all = try document(environment)
    let child = try #require(all["upstreams"]?["bybit"]?["env"])
    for (key, file) in [
      ("BYBIT_API_KEY", "secrets/trade.key"), ("BYBIT_API_SECRET", "secrets/trade.secret"),
    ] { #expect(child[Text(key)] == ["file": .string(file)]) }
    #expect(all["exchange"]?["key"] == ["file": "secrets/read.key"])
    #expect(all["exchange"]?["secret"] == ["file": "secrets/read.secret"])
    #expect(all["policy"] == "policy.json")
  }

  @Test(
    "names one exchange for the gateway and its upstream",
    arguments: SetupChoice.Environment.allCases)
  func agreement(environment: SetupChoice.Environment) throws {
    let all = try document(environment)
    let upstream = try #require(all["upstreams"]?["bybit"])
    var settings: [String: String] = [:]
    for (name, value) in upstream["env"]?.objectValue?.members ?? [] {
      settings[name.string] = value.stringValue
    }
    let command = (upstream["command"]?.arrayValue ?? []).compactMap(\.stringValue)
    #expect(
      BybitPlace.of(settings: settings, command: command) == all["exchange"]?["rest"]?.stringValue)
  }

  @Test("starts Bybit's own server, except on paper")
  func upstreams() throws {
    let paper = try document(.paper)["upstreams"]?["bybit"]?["command"]
    #expect(paper == ["/o \"p/countersign", "bybit-tools"])
    let testnet = try document(.testnet)["upstreams"]?["bybit"]
    #expect(testnet?["command"]?.arrayValue?.first == "npx")
    #expect(testnet?["env"]?["BYBIT_TESTNET"] == "true")
    #expect(try document(.mainnet)["upstreams"]?["bybit"]?["env"]?["BYBIT_TESTNET"] == nil)
  }

  @Test("leads to steps that begin with what is missing")
  func steps() {
    let commands = Commands(program: "countersign", configPath: "/d/config.json", isDefault: false)
    func steps(_ environment: SetupChoice.Environment, _ missing: [SetupFile.Secret]) -> [String] {
      NextSteps(
        choice: SetupChoice(environment: environment, program: "countersign"), directory: "/d",
        commands: commands, missing: missing, agent: "bot"
      ).steps.map(\.command)
    }
    #expect(
      steps(.paper, []) == [
        "countersign paper --config /d/config.json", "countersign gateway --config /d/config.json",
        "countersign doctor --config /d/config.json",
        "countersign connect generic --agent bot --config /d/config.json",
        "countersign console --config /d/config.json",
      ])
    #expect(steps(.testnet, [SetupFile.readKey]).first == "cat > /d/secrets/read.key")
    var apart = NextSteps(
      choice: SetupChoice(environment: .testnet, program: "countersign"), directory: "/d",
      commands: commands, missing: SetupFile.allSecrets, agent: "bot")
    apart.keyIsElsewhere = true
    #expect(
      apart.steps.last?.command == "countersign console --gateway http://127.0.0.1:8788")
    #expect(apart.lines.contains { $0.contains("Store the trading key's secret: paste it") })
    #expect(!steps(.testnet, []).contains { $0.contains(" paper ") })
  }
}

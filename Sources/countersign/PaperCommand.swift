import ArgumentParser
import Decimals
import Exchange
import Foundation
import Gateway
import JSON
import PaperExchange
import Time

struct PaperCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "paper", abstract: "Serve a paper exchange that speaks Bybit V5.",
    discussion: """
      Prints one line with its address on standard output when it serves. docs/paper.md lists what \
      it answers, the faults and the control paths.
      """)

  @Option(help: "HOST:PORT; port 0 takes any. Default: 127.0.0.1:0.") var listen: String?
  @Option(
    help: "Take address and keys from a configuration whose exchange is on paper.",
    completion: .file(extensions: ["json"]))
  var config: String?
  @Option(help: "Equal seeds give equal markets.") var seed: UInt64 = 1
  @Option(help: "The trading key. Default: paper-key.") var key: String?
  @Option(help: "The trading key's secret. Default: paper-secret.") var secret: String?
  @Option(help: "A key that can only read.") var readKey: String?
  @Option(help: "The read key's secret.") var readSecret: String?
  @Option(
    help: "Write everything that arrives to this file, as JSON lines.", completion: .file())
  var log: String?
  @Option(
    help: """
      What goes wrong on purpose: KIND, KIND=CALL for the nth call, or KIND=CALL,NAME=VALUE,… May \
      be given again.
      """)
  var fault: [String] = []
  @Option(
    help: "A JSON file with an array of faults.", completion: .file(extensions: ["json"]))
  var faults: String?
  @Option(
    help: """
      machine: this machine's time. manual: time stands still until POST /paper/advance lets it pass.
      """)
  var clock = ClockSource.machine
  @Option(
    help: """
      How prices move: calm, trending, gap, thin, halt; or a CSV file with \
      time,category,symbol,middle,mark,index.
      """, completion: .file(extensions: ["csv"]))
  var prices = "calm"
  @Option(help: "COIN=AMOUNT at the start instead of USDT=100000. May be given again.")
  var deposit: [String] = []
  @Option(help: "Orders a second of each kind and category, instead of the exchange's.")
  var rate: Int?
  @Option(help: "How the log is written to standard error: text or json, an object a line.")
  var logFormat = LogFormat.text

  enum ClockSource: String, ExpressibleByArgument, CaseIterable { case machine, manual }

  func run() async throws {
    let setup = try setup()
    let server = PaperExchangeServer(setup, logger: .standardError(logFormat))
    try await untilSignal {
      try await server.run { Standard.line("paper: http://\(setup.host):\($0)") }
    }
  }

  private func setup() throws -> PaperConfiguration {
    let given = try config.map { try PaperSettings(ConfigOptions.named($0).read()) }
    let parts = (listen ?? given?.listen ?? "127.0.0.1:0").split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1]) else {
      throw Failure(Failure.badInput, "--listen takes HOST:PORT, such as 127.0.0.1:8931")
    }
    var keys = [
      PaperKey(
        key: Text(key ?? given?.key ?? "paper-key"),
        secret: secret ?? given?.secret ?? "paper-secret", canTrade: true)
    ]
    if let readKey = readKey ?? given?.readKey, let readSecret = readSecret ?? given?.readSecret {
      keys.append(PaperKey(key: Text(readKey), secret: readSecret, canTrade: false))
    }
    var setup = PaperConfiguration(
      host: String(parts[0]), port: Int(port), seed: seed, keys: keys, logPath: log)
    setup.faults = try rules()
    if let plan = PricePlan(rawValue: prices) {
      setup.prices = plan
    } else {
      setup.recording = try recording()
    }
    if !deposit.isEmpty { setup.deposits = try deposits() }
    if let rate {
      guard rate > 0 else { throw Failure(Failure.badInput, "--rate takes a number above zero") }
      setup.rates.orders = rate
    }
    if clock == .manual { setup.clock = .stepped(from: PaperExchangeServer.systemTime()) }
    return setup
  }

  private func recording() throws -> PriceRecording {
    guard prices.hasSuffix(".csv") else {
      let names = PricePlan.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure(Failure.badInput, "--prices takes \(names), or a file that ends in .csv")
    }
    do { return try PriceRecording(try Files.read(prices), name: prices) } catch let error
      as PaperError
    { throw Failure(Failure.badInput, error.description) }
  }

  private func deposits() throws -> [Text: ExactDecimal] {
    var deposits: [Text: ExactDecimal] = [:]
    for text in deposit {
      let parts = text.split(separator: "=")
      guard parts.count == 2, let amount = ExactDecimal(parts[1]), !amount.isNegative else {
        throw Failure(Failure.badInput, "--deposit takes COIN=AMOUNT, such as BTC=1.5")
      }
      deposits[Text(parts[0])] = amount
    }
    return deposits
  }

  private func rules() throws -> [FaultRule] {
    var rules: [FaultRule] = []
    if let faults {
      do {
        rules = try FaultRule.rules(JSONCursor(JSONParser.parse(Files.read(faults), limits: .file)))
      } catch let error as JSONError {
        throw Failure(Failure.badInput, "\(faults): \(error)")
      }
    }
    for text in fault {
      do { rules.append(try FaultRule(argument: text)) } catch {
        throw Failure(Failure.badInput, "--fault \(text): \(error.message)")
      }
    }
    return rules
  }
}

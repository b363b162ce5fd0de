package import JSON
import Risk

// What the configuration may hold: the reader refuses every other key, and the schema is made of it.
// A new key is one more field here, read beside the others in `Configuration`.

extension Configuration {
  package static let schema = JSONSchema(
    title: "A configuration of Countersign", shape: shape, definitions: RiskLimits.definitions)

  static let shape = JSONShape.Object([
    .init("$schema", .text(), "For editors."),
    .init("listen", .object(listenShape), "Where the gateway listens."),
    .init("state", .text(), "The state directory, relative to this file.", isRequired: true),
    .init("policy", .text(), "The policy document, relative to this file.", isRequired: true),
    .init(
      "upstreams",
      .map(.any([.object(Upstream.childShape), .object(Upstream.remoteShape)])),
      "MCP servers by name.", isRequired: true),
    .init("exchange", .object(Exchange.shape), "The exchange as the gateway reads it itself."),
    .init("hold", .object(Hold.shape), "How calls are held."),
    .init("risk", .object(RiskLimits.shape), "An administrator's limits for the risk checks."),
    .init(
      "trust", .list(.text()),
      "PEM files of authorities that vouch for upstreams and the exchange."),
    .init("name", .text(), "What ledger and sign-in call this gateway."),
  ])

  static let listenShape = JSONShape.Object([
    .init("agents", .text(), "HOST:PORT of the agents' listener."),
    .init("operators", .text(), "HOST:PORT of the operators' listener."),
    .init("metrics", .text(), "HOST:PORT where metrics and health are served, on loopback."),
    .init("tls", .object(ListenerFiles.shape), "TLS of both listeners."),
    .init("hosts", .list(.text()), "More host names by which clients may ask."),
  ])
}

extension Configuration.ListenerFiles {
  static let shape = JSONShape.Object([
    .init("certificate", .text(), "PEM: the certificate and its chain.", isRequired: true),
    .init("key", .text(), "PEM: its key, readable by its owner alone.", isRequired: true),
    .init("ca", .text(), "Who signed the certificate."),
    .init("client_ca", .text(), "Who signs operators' client certificates."),
  ])
}

extension Configuration.Upstream {
  static let childShape = JSONShape.Object([
    .init(
      "command", .list(.text(), count: 1...Int.max), "Program and arguments.", isRequired: true),
    .init(
      "env", .map(Configuration.Setting.shape),
      "Variables of the program: text, or a secret."),
  ])

  static let remoteShape = JSONShape.Object([
    .init("url", .text(), "An MCP server over Streamable HTTP.", isRequired: true),
    .init(
      "headers", .map(Configuration.Setting.shape, limit: headerLimit),
      "Sent with every request: text, or a secret."),
  ])
}

extension Configuration.Setting {
  static let shape = JSONShape.any([.text(), Configuration.Secret.shape])
}

extension Configuration.Secret {
  private static let inEnvironment = JSONShape.Object([
    .init("env", .text(), "The variable that holds the secret.", isRequired: true)
  ])
  private static let inFile = JSONShape.Object([
    .init("file", .text(), "The 0600 file that holds the secret.", isRequired: true)
  ])

  static let shape = JSONShape.any([.object(inEnvironment), .object(inFile)])
  static let keys = inEnvironment.keys.union(inFile.keys)
}

extension Configuration.Exchange {
  static let shape = JSONShape.Object([
    .init("rest", .text(), "The base URL of its REST API; by the environment where it has one."),
    .init("stream", .text(), "The base URL of its WebSockets; together with \"rest\"."),
    .init("key", Configuration.Secret.shape, "A key that can only read."),
    .init("secret", Configuration.Secret.shape, "That key's secret."),
    .init("private_key", .text(), "Instead of the secret: the file of the key's RSA private half."),
    .init("environment", .text(), "mainnet, testnet, demo or paper; by the URL otherwise."),
  ])
}

extension Configuration.Hold {
  static let perAgent = 1...1000
  static let inAll = 1...10_000

  static let shape = JSONShape.Object([
    .init("ttl", .duration, "How long a held call can be decided."),
    .init("wait", .duration, "How long one request of an agent stays open."),
    .init("cooling", .duration, "How long an approval from a console can be recalled."),
    .init("pending_per_agent", .integer(perAgent), "Calls of one agent that may wait."),
    .init("pending_total", .integer(inAll), "Calls that may wait."),
    .init(
      "wait_by_client", .map(.duration),
      "The same as wait, by the name that a client gives."),
  ])
}

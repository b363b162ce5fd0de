// swift-tools-version: 6.2
// The manifest is the architecture diagram: one block a layer, lowest first, targets in
// alphabetical order. A target may depend on its own block's earlier layers only; docs/targets.md
// says what may not go into each.

import PackageDescription

let package = Package(
  name: "countersign",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "countersign", targets: ["countersign"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: cInterfaces() + functions() + kernels() + drivers() + services() + programs() + support()
    + tests())

// MARK: C interfaces

func cInterfaces() -> [Target] {
  [
    .target(
      name: "CNcurses",
      linkerSettings: [
        .linkedLibrary("ncursesw", .when(platforms: [.linux])),
        .linkedLibrary("ncurses", .when(platforms: [.macOS])),
      ]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .target(name: "CProcess"),
  ]
}

// MARK: functions over C: pure, no state

func functions() -> [Target] {
  [
    unsafeTarget("Cryptography", ["COpenSSL"])
  ]
}

// MARK: kernels: pure; events in, effects out

func kernels() -> [Target] {
  [
    kernel(
      "Approvals",
      [
        "Cryptography", "Decimals", "JSON", "Ledger", "MCP", "OperatorProtocol", "Orders",
        "Policy", "Risk", "Time",
      ]),
    kernel(
      "Console",
      [
        "Cryptography", "Decimals", "JSON", "OperatorProtocol", "Orders", "Terminal",
        "Time",
      ]),
    kernel("Decimals", ["JSON"]),
    kernel("Exchange", ["Decimals", "JSON", "Time"]),
    kernel("JSON", []),
    kernel("Ledger", ["Cryptography", "JSON", "Time"]),
    kernel("MCP", ["JSON"]),
    kernel("OperatorProtocol", ["Cryptography", "Decimals", "JSON", "Time"]),
    kernel("Orders", ["Decimals", "JSON", "Time"]),
    kernel("Policy", ["Cryptography", "Decimals", "JSON", "Time"]),
    kernel("Risk", ["Decimals", "JSON", "Orders", "Time"]),
    kernel("Setup", ["JSON"]),
    kernel("Terminal", []),
    kernel("Time", ["JSON"]),
  ]
}

// MARK: drivers: one outside thing each, no decisions

func drivers() -> [Target] {
  [
    driver("Bybit", ["Cryptography", "Decimals", "JSON", "Networking", "Time"], [.nio]),
    unsafeTarget("NcursesTerminal", ["CNcurses", "Terminal"]),
    driver("Networking", ["CProcess", "JSON"], [.nio, .nioPosix, .nioHTTP, .nioWebSocket, .log]),
    driver("Storage", ["Approvals", "Cryptography", "JSON", "Ledger", "Time"], [.grdb, .log]),
    driver("StreamableHTTP", ["JSON", "MCP", "Networking"], []),
    unsafeTarget("TLS", ["COpenSSL", "Networking"], [.nio]),
  ]
}

// MARK: services: shells around kernels; never each other

func services() -> [Target] {
  [
    service("AgentBridge", ["JSON", "MCP", "Networking", "StreamableHTTP"], []),
    service("BybitTools", ["Bybit", "Cryptography", "JSON", "MCP", "Networking", "Time"], [.log]),
    service(
      "Gateway",
      [
        "Approvals", "Bybit", "Cryptography", "Decimals", "JSON", "Ledger", "MCP", "Networking",
        "OperatorProtocol", "Orders", "Policy", "Risk", "Storage", "StreamableHTTP", "TLS", "Time",
      ],
      [
        .asyncAlgorithms, .collections, .coreMetrics, .httpTypes, .hummingbird, .hummingbirdCore,
        .lifecycle,
        .log, .nio,
        .nioHTTP,
        .nioPosix,
      ]),
    service(
      "OperatorConsole",
      [
        "Console", "Cryptography", "JSON", "Ledger", "NcursesTerminal", "Networking",
        "OperatorProtocol",
        "Terminal",
        "Time",
      ], [.log]),
    service(
      "PaperExchange", ["Cryptography", "Decimals", "Exchange", "JSON", "Networking", "Time"],
      [.log, .nio, .nioPosix, .nioHTTP, .nioWebSocket]),
  ]
}

// MARK: programs

func programs() -> [Target] {
  [
    .executableTarget(
      name: "countersign",
      dependencies: [
        "AgentBridge", "Approvals", "Bybit", "BybitTools", "CProcess", "Console", "Cryptography",
        "Decimals",
        "Gateway", "JSON",
        "Ledger", "MCP", "NcursesTerminal", "Networking", "OperatorConsole", "OperatorProtocol",
        "Orders",
        "PaperExchange", "Policy", "Risk", "Setup", "Storage", "TLS", "Terminal", "Time",
      ].map { .byName(name: $0) } + [Library.argumentParser, .log, .lifecycle].map(\.dependency),
      swiftSettings: settings())
  ]
}

// MARK: support for tests

func support() -> [Target] {
  [
    .executableTarget(
      name: "bench",
      dependencies: [
        "Approvals", "Bybit", "Console", "Cryptography", "Decimals", "JSON", "Ledger", "MCP",
        "Networking", "OperatorProtocol", "Orders", "Policy", "Risk", "Storage", "Terminal", "Time",
        "V5Stub",
      ], path: "Tests/Support/Bench", swiftSettings: settings()),
    .executableTarget(
      name: "faulty-gateway",
      dependencies: [
        "Approvals", "Cryptography", "Gateway", "JSON", Library.log.dependency,
      ], path: "Tests/Support/FaultyGateway", swiftSettings: settings()),
    .executableTarget(
      name: "terminal-probe", dependencies: ["NcursesTerminal", "Terminal"],
      path: "Tests/Support/TerminalProbe", swiftSettings: settings()),
    .target(
      name: "Simulation",
      dependencies: [
        "Approvals", "Cryptography", "Decimals", "JSON", "Ledger", "MCP", "OperatorProtocol",
        "Orders", "Policy", "Risk", "Time",
      ], path: "Tests/Support/Simulation", swiftSettings: settings()),
    .target(
      name: "TestSupport",
      dependencies: ["Decimals", "JSON", "Terminal", "Time"], path: "Tests/Support/TestSupport",
      swiftSettings: settings()),
    .target(
      name: "V5Stub",
      dependencies: ["JSON"] + [Library.nio, .nioHTTP, .nioPosix, .nioWebSocket].map(\.dependency),
      path: "Tests/Support/V5Stub", swiftSettings: settings()),
  ]
}

/// What the tests of a target need besides it: a program to start, a peer to talk to.
func support(of subject: String) -> [Target.Dependency] {
  switch subject {
  case "Approvals": ["Simulation"]
  case "Bybit", "BybitTools": ["V5Stub"]
  case "NcursesTerminal": ["terminal-probe"]
  case "TLS": [.product(name: "NIOEmbedded", package: "swift-nio")]
  default: []
  }
}

func tests() -> [Target] {
  [
    "Approvals", "Bybit", "BybitTools", "Console", "Cryptography", "Decimals", "Exchange",
    "Gateway",
    "JSON", "Ledger", "MCP", "NcursesTerminal", "Networking", "OperatorConsole", "OperatorProtocol",
    "Orders", "PaperExchange", "Policy", "Risk", "Setup", "Storage", "TLS", "Terminal",
    "Time",
  ].map(testTarget)
}

// MARK: what each layer is made of

func settings() -> [SwiftSetting] {
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .treatAllWarnings(as: .error),
  ]
}

enum Library {
  case argumentParser, asyncAlgorithms, collections, coreMetrics, grdb, httpTypes, hummingbird,
    hummingbirdCore
  case lifecycle, log
  case nio, nioHTTP, nioPosix, nioWebSocket

  var dependency: Target.Dependency {
    switch self {
    case .argumentParser:
      .product(name: "ArgumentParser", package: "swift-argument-parser")
    case .asyncAlgorithms: .product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
    case .collections: .product(name: "DequeModule", package: "swift-collections")
    case .coreMetrics: .product(name: "CoreMetrics", package: "swift-metrics")
    case .grdb: .product(name: "GRDB", package: "GRDB.swift")
    case .httpTypes: .product(name: "HTTPTypes", package: "swift-http-types")
    case .hummingbirdCore: .product(name: "HummingbirdCore", package: "hummingbird")
    case .hummingbird: .product(name: "Hummingbird", package: "hummingbird")
    case .lifecycle: .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    case .log: .product(name: "Logging", package: "swift-log")
    case .nio: .product(name: "NIOCore", package: "swift-nio")
    case .nioHTTP: .product(name: "NIOHTTP1", package: "swift-nio")
    case .nioPosix: .product(name: "NIOPosix", package: "swift-nio")
    case .nioWebSocket: .product(name: "NIOWebSocket", package: "swift-nio")
    }
  }
}

func layered(
  _ name: String, _ below: [String], _ libraries: [Library], _ settings: [SwiftSetting]
) -> Target {
  .target(
    name: name,
    dependencies: below.map { .byName(name: $0) } + libraries.map(\.dependency),
    swiftSettings: settings)
}

func kernel(_ name: String, _ below: [String]) -> Target { layered(name, below, [], settings()) }

func driver(_ name: String, _ below: [String], _ libraries: [Library]) -> Target {
  layered(name, below, libraries, settings())
}

func service(_ name: String, _ below: [String], _ libraries: [Library]) -> Target {
  layered(name, below, libraries, settings())
}

func unsafeTarget(_ name: String, _ below: [String], _ libraries: [Library] = []) -> Target {
  layered(name, below, libraries, settings() + [.strictMemorySafety()])
}

func testTarget(_ subject: String) -> Target {
  .testTarget(
    name: subject + "Tests",
    dependencies: [.byName(name: subject), "TestSupport"] + support(of: subject),
    swiftSettings: settings())
}

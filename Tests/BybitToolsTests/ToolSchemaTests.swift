import Cryptography
import JSON
import Testing

@testable import BybitTools

/// Every input schema is the official server's (2.1.18), byte for byte in canonical form.
@Suite struct ToolSchemaTests {
  /// The first 16 digits of the SHA-256 of each canonical schema.
  static let official: [Text: String] = [
    "addReduceMargin": "b4c3465abb3219cd",
    "amendOrder": "f1712dedcfb6bdaa",
    "amendSpreadOrder": "a09c494f252f4f0b",
    "batchAmendOrders": "3f1aae697fada140",
    "batchCancelOrders": "74c297c37ce3dd1a",
    "batchCreateOrders": "4a893196497ad434",
    "cancelAllOrders": "96dc5eef4e1b820d",
    "cancelOrder": "87d6438acda796af",
    "createChaseOrderStrategy": "706ef556914e475c",
    "createIcebergStrategy": "0346d0f2ea61ad63",
    "createOrder": "1aae712f8f8b0358",
    "createQuote": "f9c1a3402e5be633",
    "createSpreadOrder": "c4ce70d054d0d5db",
    "createTwapStrategy": "9df9883c5be3775b",
    "executeQuote": "8f5aad0a2e408d4a",
    "getInstrumentsInfo": "0cf935cf1f673881",
    "getOpenOrders": "c2481b71c38a82e9",
    "getOrderHistory": "4aedd7c5d05a0ae2",
    "getOrderPriceLimit": "5c7de6dd5e5d23d5",
    "getPositionInfo": "c81eb6ec79ad551d",
    "getTickers": "527e6f1c5eca2568",
    "getWalletBalance": "4589de01f96156a3",
    "listSubscriptions": "99334726611ccf58",
    "movePosition": "d066f302c3af8f4c",
    "preCheckOrder": "e8675ea749b65982",
    "readMessages": "7ebf24f0dcb0fa29",
    "setDcp": "435213100a97033e",
    "setLeverage": "befb4fe4cb37d8b5",
    "setPriceLimit": "40664f8d8692546b",
    "setTradingStop": "c7638dc198660fb3",
    "startSubscription": "2cbf037134672598",
    "stopStrategy": "567c331edffb5e9f",
    "stopSubscription": "b7dcbeb42ad76125",
    "subscribeExecution": "c69b89b3a09dfcf4",
    "subscribeExecutionFast": "73e296d5f1565a7b",
    "subscribeOrder": "c69b89b3a09dfcf4",
    "subscribePosition": "9054360e4a091111",
    "subscribeWallet": "73e296d5f1565a7b",
    "switchPositionMode": "ef49b5008f88709b",
    "wsAmendOrder": "f1712dedcfb6bdaa",
    "wsBatchAmendOrders": "8c2991e1049521f9",
    "wsBatchCancelOrders": "ce50f85b7af98574",
    "wsBatchCreateOrders": "9188f1f5a6684b7d",
    "wsCancelOrder": "e02817393e55c075",
    "wsCreateOrder": "f755e320d18cda2b",
  ]

  @Test(arguments: official.keys.sorted()) func isTheOfficialSchema(_ name: Text) throws {
    let tool = try #require(Tool.byName[name])
    let schema = JSONValue.object(Field.schema(of: tool.fields))
    let digest = SHA256.hash(JSONWriter.canonicalBytes(of: schema))
    #expect(
      digest.hex.hasPrefix(Self.official[name] ?? "?"), "\(JSONWriter.canonicalText(of: schema))")
  }

  /// What the paper exchange and the tests need besides.
  @Test func theOthersAreNamed() {
    let others = Tool.all.map(\.name).filter { Self.official[$0] == nil }
    #expect(others == ["getOrderbook", "queryAPIKey"])
    #expect(Tool.byName.count == Tool.all.count)
  }
}

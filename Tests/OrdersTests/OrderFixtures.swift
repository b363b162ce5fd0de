import Decimals
import JSON

@testable import Orders

/// A JSON object from its text; a fixture that is none is a bug of the test.
func object(_ text: String) -> JSONObject {
  guard let object = try? JSONParser.parse(text).objectValue else { fatalError(text) }
  return object
}

func batch(
  _ legs: String, category: String = "linear", tool: Text = "wsBatchCreateOrders"
) throws -> OrderBatch {
  try OrderBatch.parse(
    tool: tool, arguments: object(#"{"category":"\#(category)","request":[\#(legs)]}"#))
}

func limit(
  _ symbol: String = "BTCUSDT", _ side: String = "Buy", _ qty: String = "0.1",
  _ price: String = "60000", _ more: String = ""
) -> String {
  #"{"symbol":"\#(symbol)","side":"\#(side)","orderType":"Limit","qty":"\#(qty)","#
    + #""price":"\#(price)"\#(more)}"#
}

func market(
  _ symbol: String = "BTCUSDT", _ side: String = "Buy", _ qty: String = "0.1", _ more: String = ""
) -> String {
  #"{"symbol":"\#(symbol)","side":"\#(side)","orderType":"Market","qty":"\#(qty)"\#(more)}"#
}

func failure(_ body: () throws -> OrderBatch) -> OrderError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? OrderError
  }
}

/// A fixture's value that is there by construction. What it was made from is wrong otherwise.
package func given<Value>(
  _ value: Value?, file: StaticString = #file, line: UInt = #line
) -> Value {
  guard let value else { preconditionFailure("the fixture has no value", file: file, line: line) }
  return value
}

/// What a scalar may do to the row of cells that it is drawn in.
///
/// The classes come from a table of our own, so that a column count never depends on the terminal,
/// the C library or the toolchain. East Asian wide and fullwidth scalars take two cells, ambiguous
/// ones take one.
enum ScalarClass: UInt8 {
  /// Never drawn: controls, format and bidirectional characters, default ignorables, private use,
  /// unassigned, line and paragraph separators, enclosing marks, and everything that fuses with its
  /// neighbour in some terminals (emoji modifiers, regional indicators, conjoining Jamo).
  case escaped = 0
  /// One cell.
  case narrow = 1
  /// Two cells.
  case wide = 2
  /// A nonspacing mark: no cell of its own.
  case mark = 3

  init(_ scalar: Unicode.Scalar) {
    let value = scalar.value
    if value < 0x7F {
      self = value < 0x20 ? .escaped : .narrow
    } else {
      self = ScalarClass.lookUp(value)
    }
  }

  /// How many cells a scalar of this class takes.
  var width: Int {
    switch self {
    case .escaped, .mark: 0
    case .narrow: 1
    case .wide: 2
    }
  }

  private static func lookUp(_ value: UInt32) -> ScalarClass {
    let wanted = value << 2 | 3
    var low = 0
    var high = runs.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if runs[middle] <= wanted { low = middle } else { high = middle }
    }
    return ScalarClass(rawValue: UInt8(runs[low] & 3)) ?? .escaped
  }
}

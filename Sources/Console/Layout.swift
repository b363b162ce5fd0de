import Terminal

/// Where everything stands on a screen of one size.
struct Layout: Hashable {
  /// How much of the console there is room for.
  enum Form: Hashable {
    /// One line of words.
    case line
    /// The list, reject and halt.
    case small
    case full
  }

  static let full = Size(width: 80, height: 24)
  static let small = Size(width: 40, height: 10)
  /// From here the orders stand beside the batch, and from here the market beside both.
  static let splitWidth = 120
  static let columnsWidth = 190

  let size: Size
  var header = Rect(size: Size(width: 0, height: 0))
  var notice = Rect(size: Size(width: 0, height: 0))
  var footer = Rect(size: Size(width: 0, height: 0))
  /// Everything between header and notice.
  var body = Rect(size: Size(width: 0, height: 0))
  var queue = Rect(size: Size(width: 0, height: 0))
  var batch = Rect(size: Size(width: 0, height: 0))
  var orders = Rect(size: Size(width: 0, height: 0))
  /// Prices and positions of the batch's symbols; empty where the batch pane has them.
  var market = Rect(size: Size(width: 0, height: 0))
  /// Rules between columns, one cell wide.
  var dividers: [Rect] = []

  static func form(of size: Size) -> Form {
    if size.width < small.width || size.height < small.height { return .line }
    return size.width < full.width || size.height < full.height ? .small : .full
  }

  init(size: Size) {
    self.size = size
    let screen = Rect(size: size)
    let (top, rest) = screen.split(top: 2)
    let (foot, middle) = rest.split(bottom: 1)
    let (note, inner) = middle.split(bottom: 1)
    (header, footer, notice, body) = (top, foot, note, inner)
    switch Self.form(of: size) {
    case .line: break
    case .small: queue = inner
    case .full: panes()
    }
  }

  private mutating func panes() {
    let spare = max(0, body.height - 20)
    if body.width < Self.splitWidth {
      let (list, rest) = body.split(top: 6 + spare / 5)
      let (strip, middle) = rest.split(bottom: 4 + spare / 5)
      (queue, batch, orders) = (list, middle, strip)
    } else {
      // The list keeps the whole width: a wider terminal never shows fewer columns of it.
      let (list, rest) = body.split(top: 6 + spare / 6)
      queue = list
      if body.width < Self.columnsWidth {
        (batch, orders) = besides(rest, right: 46)
      } else {
        let (left, side) = besides(rest, right: 46)
        market = side
        (batch, orders) = besides(left, right: 46)
      }
    }
  }

  private mutating func besides(_ block: Rect, right: Int) -> (Rect, Rect) {
    let (side, left) = block.split(right: right)
    let (rule, main) = left.split(right: 1)
    dividers.append(rule)
    return (main, side)
  }
}

import Testing

@testable import Terminal

@Suite struct GeometryTests {
  @Test(arguments: [-3, 0, 1, 5, 7, 100])
  func splittingCoversTheBlockExactly(_ cut: Int) {
    let block = Rect(x: 2, y: 3, width: 7, height: 5)
    let pairs: [(Rect, Rect)] = [
      block.split(top: cut), block.split(bottom: cut), block.split(left: cut),
      block.split(right: cut),
    ]
    for (part, rest) in pairs {
      #expect(part.width * part.height + rest.width * rest.height == 35)
      #expect(!part.intersects(rest))
      #expect(part.width >= 0 && part.height >= 0 && rest.width >= 0 && rest.height >= 0)
    }
  }

  @Test func partsLieWhereTheirNamesSay() {
    let block = Rect(x: 0, y: 0, width: 80, height: 24)
    #expect(block.split(top: 1).top == Rect(x: 0, y: 0, width: 80, height: 1))
    #expect(block.split(bottom: 2).bottom == Rect(x: 0, y: 22, width: 80, height: 2))
    #expect(block.split(left: 30).rest == Rect(x: 30, y: 0, width: 50, height: 24))
    #expect(block.split(right: 30).right == Rect(x: 50, y: 0, width: 30, height: 24))
    #expect(block.inset(columns: 1, rows: 2) == Rect(x: 1, y: 2, width: 78, height: 20))
  }

  @Test func nothingGoesNegative() {
    #expect(Size(width: -1, height: 2) == Size(width: 0, height: 2))
    #expect(Rect(x: 0, y: 0, width: 1, height: 1).inset(columns: 3, rows: 3).isEmpty)
  }

  @Test func containsCountsItsOwnCellsOnly() {
    let block = Rect(x: 1, y: 1, width: 2, height: 1)
    #expect(block.contains(Point(x: 2, y: 1)))
    #expect(!block.contains(Point(x: 3, y: 1)))
    #expect(!block.contains(Point(x: 1, y: 2)))
  }
}

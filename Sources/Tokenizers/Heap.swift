/// An order in which items leave a heap.
protocol Ranked {
  /// Whether this one leaves before the other.
  func comes(before other: Self) -> Bool
}

/// Stores items, the one that comes before all others on top.
struct Heap<Item: Ranked> {
  private var items: [Item] = []

  mutating func push(_ item: Item) {
    items.append(item)
    var at = items.count - 1
    while at > 0, items[at].comes(before: items[(at - 1) / 2]) {
      items.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  mutating func pop() -> Item? {
    guard let top = items.first, let last = items.popLast() else { return nil }
    guard !items.isEmpty else { return top }
    items[0] = last
    var at = 0
    while true {
      var first = at
      for child in [2 * at + 1, 2 * at + 2]
      where child < items.count && items[child].comes(before: items[first]) {
        first = child
      }
      if first == at { return top }
      items.swapAt(at, first)
      at = first
    }
  }
}

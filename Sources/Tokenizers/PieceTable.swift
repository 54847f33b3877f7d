/// Finds the id of a piece by its bytes.
struct PieceTable: Sendable {
  /// Open addressing: an id plus one, 0 where free.
  private var slots: [UInt32]
  private let pieces: [[UInt8]]
  private static var nothing: UnsafeBufferPointer<UInt8> { .init(start: nil, count: 0) }

  /// - Parameters:
  ///   - pieces: the bytes of every id; the first id of equal ones is found.
  ///   - order: the ids to be found.
  init(_ pieces: [[UInt8]], order: some Sequence<Int>) {
    self.pieces = pieces
    var size = 16
    while size < pieces.count * 2 { size *= 2 }
    slots = Array(repeating: 0, count: size)
    for id in order where !pieces[id].isEmpty {
      let place = pieces[id].withUnsafeBufferPointer { slot(of: $0, Self.nothing) }
      if slots[place] == 0 { slots[place] = UInt32(id + 1) }
    }
  }

  subscript(bytes: [UInt8]) -> Int32? { bytes.withUnsafeBufferPointer { self[$0] } }

  subscript(bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
    let found = slots[slot(of: bytes, Self.nothing)]
    return found == 0 ? nil : Int32(found - 1)
  }

  /// The id of two pieces one behind the other.
  func joined(_ left: Int32, _ right: Int32) -> Int32? {
    let found = pieces[Int(left)].withUnsafeBufferPointer { left in
      pieces[Int(right)].withUnsafeBufferPointer { right in slots[slot(of: left, right)] }
    }
    return found == 0 ? nil : Int32(found - 1)
  }

  /// Where bytes lie, or the free slot where they would.
  private func slot(
    of head: UnsafeBufferPointer<UInt8>, _ tail: UnsafeBufferPointer<UInt8>
  ) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in head { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for byte in tail { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & mask
    while slots[slot] != 0 {
      let piece = pieces[Int(slots[slot]) - 1]
      if piece.count == head.count + tail.count, piece.starts(with: head),
        piece[head.count...].elementsEqual(tail)
      {
        return slot
      }
      slot = (slot + 1) & mask
    }
    return slot
  }
}

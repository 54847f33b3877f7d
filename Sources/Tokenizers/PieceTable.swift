/// Finds the id of a piece by its bytes.
struct PieceTable: Sendable {
  /// Open addressing: an id plus one, 0 where free.
  private var slots: [UInt32]
  /// The bytes of all pieces, one behind the other: a search goes to few places in memory.
  private let bytes: [UInt8]
  /// Where each piece starts in `bytes`; one more than there are pieces.
  private let starts: [Int]
  private static var nothing: UnsafeBufferPointer<UInt8> { .init(start: nil, count: 0) }

  /// - Parameters:
  ///   - pieces: the bytes of every id; the first id of equal ones is found.
  ///   - order: the ids to be found.
  init(_ pieces: [[UInt8]], order: some Sequence<Int>) {
    var starts = [0]
    starts.reserveCapacity(pieces.count + 1)
    var bytes: [UInt8] = []
    for piece in pieces {
      bytes += piece
      starts.append(bytes.count)
    }
    (self.bytes, self.starts) = (bytes, starts)
    var size = 16
    while size < pieces.count * 2 { size *= 2 }
    slots = Array(repeating: 0, count: size)
    for id in order where !pieces[id].isEmpty {
      let place = pieces[id].withUnsafeBufferPointer { slot(of: $0, Self.nothing) }
      if slots[place] == 0 { slots[place] = UInt32(id + 1) }
    }
  }

  subscript(bytes: [UInt8]) -> Int32? { bytes.withUnsafeBufferPointer { self[$0] } }

  subscript(bytes: UnsafeBufferPointer<UInt8>) -> Int32? { id(slot(of: bytes, Self.nothing)) }

  /// The id of two pieces one behind the other.
  func joined(_ left: Int32, _ right: Int32) -> Int32? {
    bytes.withUnsafeBufferPointer { bytes in
      func piece(_ id: Int32) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[starts[Int(id)]..<starts[Int(id) + 1]])
      }
      return id(slot(of: piece(left), piece(right)))
    }
  }

  private func id(_ slot: Int) -> Int32? { slots[slot] == 0 ? nil : Int32(slots[slot] - 1) }

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
      let id = Int(slots[slot]) - 1
      if isPiece(starts[id]..<starts[id + 1], head, tail) { return slot }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private func isPiece(
    _ range: Range<Int>, _ head: UnsafeBufferPointer<UInt8>, _ tail: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard range.count == head.count + tail.count else { return false }
    let middle = range.lowerBound + head.count
    for (place, byte) in head.enumerated() where bytes[range.lowerBound + place] != byte {
      return false
    }
    for (place, byte) in tail.enumerated() where bytes[middle + place] != byte { return false }
    return true
  }
}

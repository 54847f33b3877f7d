public import Bytes
public import Kernels

/// Stores where the bytes of a tensor lie, in a type that products read without a copy.
public struct StoredTensor: Sendable {
  public let type: NumberType
  /// The elements, little-endian, the last dimension running fastest; valid while `owner` lives, and
  /// never written, hence safe to share.
  public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  public let owner: MappedFile

  init(type: NumberType, bytes: UnsafeRawBufferPointer, owner: MappedFile) {
    self.type = type
    self.bytes = bytes
    self.owner = owner
  }

  /// A copy of this tensor, a matrix of `count` rows, in another order.
  /// - Parameter order: which of the rows comes at each place.
  func rows(_ count: Int, inOrder order: [Int]) -> StoredTensor {
    let size = bytes.count / max(count, 1)
    var copy: [UInt8] = []
    copy.reserveCapacity(bytes.count)
    for row in order { copy.append(contentsOf: bytes[row * size..<(row + 1) * size]) }
    let owner = MappedFile(copying: copy)
    return StoredTensor(type: type, bytes: owner.bytes, owner: owner)
  }
}

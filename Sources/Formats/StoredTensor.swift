public import Bytes
public import Kernels

/// Stores where the bytes of a tensor lie, in a type that products read without a copy.
public struct StoredTensor: Sendable {
  public let type: NumberType
  /// The elements, little-endian, the last dimension running fastest; valid while `owner` lives, and
  /// never written, hence safe to share.
  public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  public let owner: MappedFile
  /// Half a head, where the rows of heads lie in pairs (`RotaryLayout`); else 0.
  public var half = 0

  init(type: NumberType, bytes: UnsafeRawBufferPointer, owner: MappedFile) {
    self.type = type
    self.bytes = bytes
    self.owner = owner
  }
}

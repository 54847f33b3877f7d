extension Array<UInt8> {
  /// Lends the bytes to a closure whose error keeps its type, unlike `withUnsafeBytes`.
  func withBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try withUnsafeBufferPointer { view throws(E) in try body(UnsafeRawBufferPointer(view)) }
  }
}

import CZlib

/// Inflates gzip content, piece by piece or as a whole.
public struct Gzip: ~Copyable {
  // On the heap: zlib keeps the address it was first given.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var isFinished = false
  private let pieceSize: Int

  /// Whether content is in gzip form.
  public static func isCompressed(_ bytes: some Sequence<UInt8>) -> Bool {
    bytes.starts(with: [0x1F, 0x8B])
  }

  /// Starts on compressed content.
  /// - Parameter content: must outlive the value.
  public init(_ content: UnsafeRawBufferPointer, pieceSize: Int = 1 << 20) throws(CorpusError) {
    self.pieceSize = pieceSize
    guard let count = UInt32(exactly: content.count) else {
      stream.deallocate()
      throw .compressed(reason: "larger than 4 GiB")
    }
    stream.initialize(to: z_stream())
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: content.bindMemory(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = count
    // 15 bits of window, and 32 more: recognise gzip or zlib by the header.
    let code = inflateInit2_(stream, 47, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard code == Z_OK else {
      stream.deallocate()
      throw .compressed(reason: "zlib says \(code)")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The next piece; nil at the end.
  public mutating func next() throws(CorpusError) -> [UInt8]? {
    while !isFinished {
      var code = Z_OK
      let room = UInt32(pieceSize)
      let piece = [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, count in
        stream.pointee.next_out = buffer.baseAddress
        stream.pointee.avail_out = room
        code = inflate(stream, Z_NO_FLUSH)
        count = pieceSize - Int(stream.pointee.avail_out)
      }
      switch code {
      case Z_STREAM_END:
        // Several members may follow one another; other bytes fill up a block or a tape.
        if isAtMember { inflateReset(stream) } else { isFinished = true }
      case Z_OK: break
      default:
        throw .compressed(
          reason: stream.pointee.avail_in == 0 ? "it is cut short" : "zlib says \(code)")
      }
      if code == Z_OK, piece.isEmpty, stream.pointee.avail_in == 0 {
        throw .compressed(reason: "it is cut short")
      }
      if !piece.isEmpty { return piece }
    }
    return nil
  }

  /// Whether what comes next begins as a member does.
  private var isAtMember: Bool {
    guard stream.pointee.avail_in >= 2, let next = stream.pointee.next_in else { return false }
    return next[0] == 0x1F && next[1] == 0x8B
  }

  /// Inflates content as a whole.
  /// - Throws: `CorpusError.compressed` if it is broken, or larger than `limit` once inflated.
  public static func inflated(_ bytes: [UInt8], limit: Int) throws(CorpusError) -> [UInt8] {
    // Held apart: a typed error does not pass through the closure of withUnsafeBytes.
    let outcome: Result<[UInt8], CorpusError> = bytes.withUnsafeBytes { content in
      do throws(CorpusError) {
        var gzip = try Gzip(content)
        var whole: [UInt8] = []
        while let piece = try gzip.next() {
          whole.append(contentsOf: piece)
          if whole.count > limit { throw .compressed(reason: "more than \(limit) bytes inflated") }
        }
        return .success(whole)
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}

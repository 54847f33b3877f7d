import CZlib

/// Deflates and inflates objects as zlib streams.
enum Codec {
  /// How an inflation ended.
  enum Outcome { case whole, broken }

  private static let chunk = 1 << 16

  /// Whether the beginning of some content looks like text, which zlib is good at.
  static func looksLikeText(_ content: UnsafeRawBufferPointer) -> Bool {
    let sample = content.prefix(4096)
    var controls = 0
    for byte in sample where byte < 0x20 && !(0x09...0x0d).contains(byte) {
      if byte == 0 { return false }
      controls += 1
    }
    return controls * 50 <= sample.count
  }

  /// Deflates content; nil if that saves no more than a tenth.
  static func deflate(_ content: UnsafeRawBufferPointer) -> [UInt8]? {
    let limit = content.count - content.count / 10
    var out: [UInt8] = []
    let done = deflate(content) { piece in
      out += piece
      return out.count < limit
    }
    return done && out.count < limit ? out : nil
  }

  /// Deflates content piece by piece, as long as `consume` says to go on; true if it is all done.
  static func deflate(
    _ content: UnsafeRawBufferPointer, consume: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    var stream = z_stream()
    // Level 4: within a few per cent of 6 on prose, at twice the speed.
    guard
      deflateInit_(&stream, 4, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return false }
    defer { deflateEnd(&stream) }
    var offset = 0
    return withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 16) { buffer in
      while true {
        let count = min(content.count - offset, 1 << 26)
        let last = offset + count == content.count
        stream.next_in = UnsafeMutablePointer(
          mutating: content.baseAddress?.advanced(by: offset).assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(count)
        offset += count
        var status = Z_OK
        repeat {
          stream.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
          stream.avail_out = UInt32(chunk)
          status = CZlib.deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH)
          guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            return false
          }
          let made = chunk - Int(stream.avail_out)
          if made > 0, !consume(UnsafeRawBufferPointer(rebasing: buffer[..<made])) { return false }
        } while stream.avail_out == 0
        if last { return status == Z_STREAM_END }
      }
    }
  }

  /// Inflates a whole stream piece by piece; what follows its end makes it broken.
  static func inflate(
    _ content: UnsafeRawBufferPointer, consume: (UnsafeRawBufferPointer) -> Void
  ) -> Outcome {
    var stream = z_stream()
    guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      return .broken
    }
    defer { inflateEnd(&stream) }
    var offset = 0
    return withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 16) { buffer in
      while offset < content.count {
        let count = min(content.count - offset, 1 << 26)
        stream.next_in = UnsafeMutablePointer(
          mutating: content.baseAddress?.advanced(by: offset).assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(count)
        offset += count
        repeat {
          stream.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
          stream.avail_out = UInt32(chunk)
          let status = CZlib.inflate(&stream, Z_NO_FLUSH)
          guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            return .broken
          }
          let made = chunk - Int(stream.avail_out)
          if made > 0 { consume(UnsafeRawBufferPointer(rebasing: buffer[..<made])) }
          if status == Z_STREAM_END {
            return stream.avail_in == 0 && offset == content.count ? .whole : .broken
          }
        } while stream.avail_out == 0
      }
      return .broken
    }
  }
}

extension SentencePieces {
  public func encode(_ text: String, specials: Bool) -> [Int32] {
    encode(text, specials: specials, pipeline)
  }

  public func encode(continuing text: String) -> [Int32] {
    let keepsSpace = pipeline.dropsSpacesBefore && text.utf8.first == 0x20
    return encode(text, specials: false, keepsSpace ? pipeline : continuing)
  }

  private func encode(_ text: String, specials: Bool, _ pipeline: TextPipeline) -> [Int32] {
    var text = text
    var ids: [Int32] = []
    text.withUTF8 { bytes in
      guard !bytes.isEmpty else { return }
      var cache = Cache()
      for part in pipeline.parts(bytes, specials: specials) {
        switch part {
        case .id(let id): ids.append(id)
        case .text(let piece):
          for word in pipeline.preTokenizer.pieces(of: piece) {
            encode(word.bytes, into: &ids, &cache)
          }
        }
      }
    }
    return ids
  }

  /// Remembers the ids of words.
  private typealias Cache = [ArraySlice<UInt8>: [Int32]]
  private static let mostCached = 50_000

  /// Encodes what the pre-tokenizer made one piece.
  private func encode(_ bytes: ArraySlice<UInt8>, into ids: inout [Int32], _ cache: inout Cache) {
    if case .unigram(let unigram) = model {
      append(unigram.pieces(of: bytes), bytes, into: &ids)
      return
    }
    guard cutsAtMarks, byteIDs.allSatisfy({ $0 >= 0 }) else {
      ids += joined(bytes)
      return
    }
    // Nothing is joined across the start of a word; unknown characters are, where no bytes stand in.
    var start = bytes.startIndex
    while start < bytes.endIndex {
      var end = start
      while bytes[end...].starts(with: Self.mark) { end += Self.mark.count }
      while end < bytes.endIndex,
        !(bytes[end] == Self.mark[0] && bytes[end...].starts(with: Self.mark))
      {
        end += 1
      }
      let word = bytes[start..<end]
      if let known = cache[word] {
        ids += known
      } else {
        let new = joined(word)
        if cache.count < Self.mostCached, word.count < 64 { cache[word] = new }
        ids += new
      }
      start = end
    }
  }

  /// Characters as pieces, bytes or unknown, then the best joins.
  private func joined(_ bytes: ArraySlice<UInt8>) -> [Int32] {
    var symbols: [Int32] = []
    var isUnknownPending = false
    bytes.withUnsafeBufferPointer { bytes in
      let view = ScalarView(bytes: bytes)
      var at = 0
      while at < bytes.count {
        let length = view.scalar(at: at).length
        let character = UnsafeBufferPointer(rebasing: bytes[at..<at + length])
        at += length
        if let id = ids[character] {
          if isUnknownPending, let unknownID { symbols.append(unknownID) }
          isUnknownPending = false
          symbols.append(id)
        } else if character.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
          // An unknown character before bytes is written behind them: so the peers have it.
          symbols += character.map { byteIDs[Int($0)] }
        } else if let unknownID {
          if isUnknownPending, !fusesUnknown { symbols.append(unknownID) }
          isUnknownPending = true
        }
      }
    }
    if isUnknownPending, let unknownID { symbols.append(unknownID) }
    return SymbolJoiner.joined(symbols) { left, right in
      switch model {
      case .merges(let table): return table.entry(left, right)
      case .scores(let ranks):
        guard let id = ids.joined(left, right), kinds[Int(left)] == .normal,
          kinds[Int(right)] == .normal
        else { return .init(rank: MergeTable.noRank, id: 0) }
        return .init(rank: ranks[Int(id)], id: id)
      case .unigram: return .init(rank: MergeTable.noRank, id: 0)
      }
    }
  }

  /// Appends the ids of a unigram model's pieces; unknown ones as bytes where it has them all.
  private func append(
    _ pieces: [Unigram.Piece], _ bytes: ArraySlice<UInt8>, into result: inout [Int32]
  ) {
    for piece in pieces {
      if piece.id != unknownID {
        result.append(piece.id)
        continue
      }
      let text = bytes[piece.range]
      if let id = ids[Array(text)] {
        result.append(id)
      } else if text.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
        result += text.map { byteIDs[Int($0)] }
      } else {
        result.append(piece.id)
      }
    }
  }
}

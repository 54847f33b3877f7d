import Bytes
import Formats
public import Tokenizers

/// Packs documents into windows for pre-training: joined by the separator, cut every `window`
/// tokens.
///
/// Some documents, chosen by a hash of their content, are kept apart for validation. Where there
/// are more tokens than asked for, windows are chosen by a seeded hash of their place.
public struct CorpusPacker {
  /// One stream of windows.
  public struct Side {
    public fileprivate(set) var ids: [UInt32] = []
    fileprivate var keys: [UInt64] = []
    fileprivate var tail: [Int32] = []
    fileprivate var made = 0
    public fileprivate(set) var documents = 0
    public fileprivate(set) var bytes = 0
    public fileprivate(set) var tokens = 0
    /// The number of windows kept.
    public var windows: Int { keys.count }
  }

  public private(set) var train = Side()
  public private(set) var validation = Side()
  private let window: Int
  private let mostTrain: Int
  private let mostValidation: Int
  private let holdout: Double
  private let seed: UInt64
  private let separator: Int32
  private var encoder: BPEEncoder
  private var scratch: [Int32] = []

  /// - Parameters:
  ///   - tokens: the most tokens to keep for training; 0 keeps all.
  ///   - holdout: the share of documents kept apart.
  public init(
    tokenizer: ByteLevelBPE, window: Int, tokens: Int, holdout: Double, seed: UInt64
  ) throws(EncodingError) {
    guard window >= 8 else { throw .windowTooSmall(window) }
    guard let separator = tokenizer.separatorID else { throw .noSeparator }
    self.window = window
    self.separator = separator
    self.holdout = holdout
    self.seed = seed
    mostTrain = tokens == 0 ? Int.max / 4 : max(tokens / window, 1)
    mostValidation =
      mostTrain == Int.max / 4
      ? mostTrain : max(Int(Double(mostTrain) * holdout), 1)
    encoder = BPEEncoder(tokenizer)
  }

  /// Adds a document.
  public mutating func add(_ document: [UInt8]) {
    scratch.removeAll(keepingCapacity: true)
    document.withUnsafeBufferPointer { encoder.encode($0, into: &scratch) }
    scratch.append(separator)
    if isHeldOut(document) {
      Self.add(scratch, bytes: document.count, to: &validation, window, mostValidation, seed)
    } else {
      Self.add(scratch, bytes: document.count, to: &train, window, mostTrain, seed)
    }
  }

  /// By content, so that the same document is always on the same side.
  private func isHeldOut(_ document: [UInt8]) -> Bool {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in document.prefix(4096) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var random = SeededRandom(seed: hash)
    return random.uniform() < holdout
  }

  private static func add(
    _ ids: [Int32], bytes: Int, to side: inout Side, _ window: Int, _ most: Int, _ seed: UInt64
  ) {
    side.documents += 1
    side.bytes += bytes
    side.tokens += ids.count
    var at = 0
    while side.tail.count + ids.count - at >= window {
      let needed = window - side.tail.count
      side.tail += ids[at..<at + needed]
      at += needed
      keep(&side, seed)
      if side.keys.count >= 2 * most { prune(&side, to: most, window) }
    }
    side.tail += ids[at...]
  }

  private static func keep(_ side: inout Side, _ seed: UInt64) {
    var random = SeededRandom(seed: seed &+ UInt64(side.made) &* 0x9e37_79b9_7f4a_7c15)
    side.keys.append(random.next())
    for id in side.tail { side.ids.append(UInt32(bitPattern: id)) }
    side.tail.removeAll(keepingCapacity: true)
    side.made += 1
  }

  /// Keeps the windows of lowest keys, in their order.
  private static func prune(_ side: inout Side, to most: Int, _ window: Int) {
    guard side.keys.count > most else { return }
    let limit = side.keys.sorted()[most]
    var ids: [UInt32] = []
    ids.reserveCapacity(most * window)
    var keys: [UInt64] = []
    for (place, key) in side.keys.enumerated() where key < limit {
      keys.append(key)
      ids += side.ids[place * window..<(place + 1) * window]
    }
    (side.ids, side.keys) = (ids, keys)
  }

  /// Ends both streams; what fills no window is left out.
  public mutating func finish() {
    Self.prune(&train, to: mostTrain, window)
    Self.prune(&validation, to: mostValidation, window)
  }
}

extension CorpusPacker.Side {
  /// Hands a tokens file of these windows over piece by piece.
  public func write(window: Int, to write: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    let layout = SafetensorsLayout(tensors: [
      .init(name: "input_ids", type: .i32, shape: [ids.count]),
      .init(name: "labels", type: .i32, shape: [ids.count]),
      .init(name: "offsets", type: .i64, shape: [windows + 1]),
    ])
    try layout.header.withUnsafeBytes(write)
    for entry in layout.order {
      switch entry.name {
      case "offsets":
        try (0...windows).map { Int64($0 * window) }.withUnsafeBytes(write)
      case "labels":
        // A window's first label never counts.
        for start in stride(from: 0, to: ids.count, by: window) {
          var labels = ids[start..<start + window].map { Int32(bitPattern: $0) }
          labels[0] = TokenSample.unlabelled
          try labels.withUnsafeBytes(write)
        }
      default: try ids.withUnsafeBytes(write)
      }
    }
  }
}

public import Bytes
import Kernels

/// Stores where the weights of a llama2.c checkpoint lie: legacy, version 1 (f32) and version 2
/// (int8).
///
/// Tensors are given under their Hugging Face names and in its rotary layout.
public struct Llama2CCheckpoint: TensorSource {
  public let config: ModelConfig
  public let names: [String]
  /// 0 for the legacy header, else 1 or 2.
  public let version: Int
  private let places: [String: Place]
  private let file: MappedFile
  private static let format = "llama2.c checkpoint"
  private static let magic: UInt32 = 0x616b_3432

  /// Where a tensor lies: floats from `offset`; or bytes from `offset` and a scale per group after
  /// them.
  private struct Place: Sendable {
    let offset: Int
    let shape: [Int]
    let group: Int?
    var count: Int { shape.reduce(1, *) }
  }

  public init(_ file: MappedFile) throws(FormatError) {
    self.file = file
    var header = Header()
    do {
      header = try Header(file.bytes, magic: Self.magic)
    } catch {
      throw .truncated(
        format: Self.format, part: "header", needed: 28, available: file.count)
    }
    guard (0...2).contains(header.version) else {
      throw .unsupported(
        format: Self.format, field: "version", found: "\(header.version)",
        supported: "version 0, 1 or 2")
    }
    let config = try header.config(format: Self.format)
    var walk = Walk(offset: header.size, total: file.count)
    let group: Int? = header.version == 2 ? header.group : nil
    if let group, group <= 0 {
      throw .invalid(format: Self.format, field: "group size", found: "\(group)")
    }
    try walk.run(config: config, version: header.version, group: group, format: Self.format)
    self.config = config
    version = header.version
    places = walk.places
    names = walk.places.keys.sorted()
  }

  public func shape(of name: String) -> [Int]? { places[name]?.shape }

  public func floats(of name: String) throws(FormatError) -> [Float] {
    guard let place = places[name] else {
      throw .missing(format: Self.format, field: "tensor \(name)")
    }
    return try floats(of: name, rows: 0..<(place.shape.first ?? 0))
  }

  public func floats(of name: String, rows: Range<Int>) throws(FormatError) -> [Float] {
    guard let place = places[name] else {
      throw .missing(format: Self.format, field: "tensor \(name)")
    }
    let columns = place.shape.dropFirst().reduce(1, *)
    guard let heads = config.turnedHeads(of: name) else {
      return values(place, rows.lowerBound * columns..<rows.upperBound * columns)
    }
    let order = RotaryLayout.order(heads: heads, size: config.headSize)
    return order[rows].flatMap { values(place, $0 * columns..<($0 + 1) * columns) }
  }

  private func values(_ place: Place, _ range: Range<Int>) -> [Float] {
    guard let group = place.group else {
      let start = place.offset + range.lowerBound * 4
      let bytes = UnsafeRawBufferPointer(
        rebasing: file.bytes[start..<start + range.count * 4])
      defer { file.letGo(bytes) }
      return NumberType.f32.floats(bytes)
    }
    let scales = place.offset + place.count
    return range.map { at in
      let scale = Float(
        bitPattern: load(UInt32.self, at: scales + at / group * MemoryLayout<Float>.size))
      return Float(load(Int8.self, at: place.offset + at)) * scale
    }
  }

  private func load<T: FixedWidthInteger>(_: T.Type, at offset: Int) -> T {
    T(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}

extension ModelConfig {
  /// The heads of a query or key projection, whose rows these files have in pairs.
  fileprivate func turnedHeads(of name: String) -> Int? {
    if name.hasSuffix("q_proj.weight") { return headCount }
    return name.hasSuffix("k_proj.weight") ? keyValueHeadCount : nil
  }
}

extension Llama2CCheckpoint {
  /// Stores the numbers a checkpoint starts with.
  private struct Header {
    var version = 0
    var numbers: [Int] = []
    var shared = true
    var group = 0
    var size = 0

    init() {}

    init(_ bytes: UnsafeRawBufferPointer, magic: UInt32) throws(ByteReadError) {
      var reader = ByteReader(bytes)
      if try reader.read(UInt32.self) == magic {
        version = Int(try reader.read(Int32.self))
      } else {
        reader = ByteReader(bytes)
      }
      for _ in 0..<7 { numbers.append(Int(try reader.read(Int32.self))) }
      if version == 0 {
        shared = numbers[5] > 0
        numbers[5] = abs(numbers[5])
        size = reader.offset
      } else {
        shared = try reader.read(UInt8.self) != 0
        if version == 2 { group = Int(try reader.read(Int32.self)) }
        size = 256
      }
    }

    func config(format: String) throws(FormatError) -> ModelConfig {
      let fields = [
        "dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "max_seq_len",
      ]
      for (field, number) in zip(fields, numbers) where !(1...1 << 24).contains(number) {
        throw .invalid(format: format, field: field, found: "\(number)")
      }
      guard numbers[0].isMultiple(of: numbers[3]), numbers[3].isMultiple(of: numbers[4]),
        (numbers[0] / numbers[3]).isMultiple(of: 2)
      else {
        throw .invalid(
          format: format, field: "n_heads", found: "\(numbers[3]) heads for dim \(numbers[0])")
      }
      let config = ModelConfig(
        hiddenSize: numbers[0], intermediateSize: numbers[1], layerCount: numbers[2],
        headCount: numbers[3], keyValueHeadCount: numbers[4], vocabularySize: numbers[5],
        tiedEmbeddings: shared, maximumPositions: numbers[6], bosID: 1, eosIDs: [2])
      try config.refuseUnreal(format: format)
      return config
    }
  }

  /// Walks over the tensors in the order the versions write them.
  private struct Walk {
    var places: [String: Place] = [:]
    var offset: Int
    let total: Int

    init(offset: Int, total: Int) {
      self.offset = offset
      self.total = total
    }

    mutating func run(config: ModelConfig, version: Int, group: Int?, format: String)
      throws(FormatError)
    {
      let hidden = config.hiddenSize
      let inner = config.intermediateSize
      let queries = config.headCount * config.headSize
      let keys = config.keyValueHeadCount * config.headSize
      let embedding = ("model.embed_tokens.weight", [config.vocabularySize, hidden])
      let attentionNorm = ("input_layernorm.weight", [hidden])
      let projections = [
        ("self_attn.q_proj.weight", [queries, hidden]),
        ("self_attn.k_proj.weight", [keys, hidden]),
        ("self_attn.v_proj.weight", [keys, hidden]),
        ("self_attn.o_proj.weight", [hidden, queries]),
      ]
      let mlpNorm = ("post_attention_layernorm.weight", [hidden])
      let mlp = [
        ("mlp.gate_proj.weight", [inner, hidden]),
        ("mlp.down_proj.weight", [hidden, inner]),
        ("mlp.up_proj.weight", [inner, hidden]),
      ]
      let layers = config.layerCount
      let norm = ("model.norm.weight", [hidden])
      if version == 0 {
        try take(embedding, nil, format)
        for tensor in [attentionNorm] + projections + [mlpNorm] + mlp {
          try takeLayers(tensor, layers, nil, format)
        }
        try take(norm, nil, format)
        // Tables of cosines and sines follow, which nobody needs.
        offset += 2 * 4 * config.maximumPositions * (config.headSize / 2)
        if !config.tiedEmbeddings {
          try take(("lm_head.weight", embedding.1), nil, format)
        }
        return
      }
      try takeLayers(attentionNorm, layers, nil, format)
      try takeLayers(mlpNorm, layers, nil, format)
      try take(norm, nil, format)
      try take(embedding, group, format)
      for tensor in projections + mlp { try takeLayers(tensor, layers, group, format) }
      if !config.tiedEmbeddings { try take(("lm_head.weight", embedding.1), group, format) }
    }

    private mutating func takeLayers(
      _ tensor: (name: String, shape: [Int]), _ layers: Int, _ group: Int?, _ format: String
    ) throws(FormatError) {
      for layer in 0..<layers {
        try take(("model.layers.\(layer).\(tensor.name)", tensor.shape), group, format)
      }
    }

    private mutating func take(
      _ tensor: (name: String, shape: [Int]), _ group: Int?, _ format: String
    ) throws(FormatError) {
      let count = tensor.shape.reduce(1, *)
      var size = count * 4
      if let group {
        guard count.isMultiple(of: group) else {
          throw .invalid(format: format, field: "group size", found: "\(group) for \(tensor.name)")
        }
        size = count + count / group * 4
      }
      guard size <= total - offset else {
        throw .truncated(
          format: format, part: tensor.name, needed: size, available: max(0, total - offset))
      }
      places[tensor.name] = Place(offset: offset, shape: tensor.shape, group: group)
      offset += size
    }
  }
}

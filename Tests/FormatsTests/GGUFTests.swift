import Bytes
import Testing

@testable import Formats

/// GGUF files, whole and hostile.
struct GGUFTests {
  /// A small model with values that tell places apart.
  struct Source: TensorSource {
    let config: ModelConfig
    var names: [String] { config.tensors.map(\.name).sorted() }
    func shape(of name: String) -> [Int]? { config.tensors.first { $0.name == name }?.shape }
    func floats(of name: String) throws(FormatError) -> [Float] {
      guard let shape = shape(of: name) else { throw .missing(format: "test", field: name) }
      var random = SeededRandom(seed: 1, purpose: name)
      return (0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }
    }
  }

  static func config(_ family: ModelFamily, tied: Bool = true, hidden: Int = 64) -> ModelConfig {
    ModelConfig(
      family: family, hiddenSize: hidden, intermediateSize: 96, layerCount: 2, headCount: 4,
      keyValueHeadCount: 2, headSize: 16, vocabularySize: 40, ropeTheta: 12_345,
      tiedEmbeddings: tied, queryKeyValueBias: family == .qwen2, maximumPositions: 128)
  }

  /// Models with what not every architecture has.
  static let special: [ModelConfig] = {
    var biases = config(.llama)
    (biases.queryKeyValueBias, biases.outputBias, biases.mlpBias) = (true, true, true)
    var linear = config(.qwen3)
    linear.ropeScaling = .linear(factor: 2.5)
    var llama3 = config(.llama)
    llama3.ropeScaling = .llama3(
      factor: 6, lowFrequencyFactor: 1.5, highFrequencyFactor: 5, originalPositions: 64)
    // No wave of this one is so long that it is divided by the whole factor.
    var short = llama3
    short.ropeScaling = .llama3(
      factor: 7, lowFrequencyFactor: 0.001, highFrequencyFactor: 5, originalPositions: 64)
    return [config(.qwen3), biases, linear, llama3, short]
  }()

  static func bytes(_ source: Source, _ type: GGUFFileType) throws -> [UInt8] {
    let export = try GGUFExport(config: source.config, type: type)
    let layout = export.layout(tokenizer: nil)
    let byName = Dictionary(uniqueKeysWithValues: export.items.map { ($0.entry.name, $0) })
    return try layout.bytes { entry throws(FormatError) in
      guard let item = byName[entry.name] else { return [] }
      return try export.values(item, from: source, adapter: nil)
    }
  }

  @Test(arguments: [ModelFamily.llama, .qwen2, .qwen3], [true, false])
  func `a model in F32 comes back to the bit`(family: ModelFamily, tied: Bool) throws {
    let source = Source(config: Self.config(family, tied: tied))
    let model = try GGUFModel(MappedFile(copying: Self.bytes(source, .f32)))
    #expect(model.config == source.config)
    #expect(model.names == source.names)
    for name in source.names { #expect(try model.floats(of: name) == source.floats(of: name)) }
  }

  @Test(arguments: special)
  func `norms of heads, biases and scalings come back`(config: ModelConfig) throws {
    let source = Source(config: config)
    let model = try GGUFModel(MappedFile(copying: Self.bytes(source, .f32)))
    #expect(model.config == config)
    #expect(model.names == source.names)
    for name in source.names { #expect(try model.floats(of: name) == source.floats(of: name)) }
  }

  @Test func `a scaling as in Llama 3 is written as quotients of the frequencies`() throws {
    var config = Self.config(.llama)
    config.ropeScaling = ModelConfigTests.llama3
    config.ropeTheta = 500_000
    let file = try GGUFFile(MappedFile(copying: Self.bytes(Source(config: config), .q8)))
    let quotients = try file.floats(of: "rope_freqs.weight")
    #expect(quotients.count == 8)
    #expect(quotients.prefix(4) == [1, 1, 1, 1] && quotients.suffix(3) == [8, 8, 8])
    // Waves of 2π · 500000^(1/2) = 4443 positions: 1 / ((1 − s) / 8 + s), s = (8192 / 4443 − 1) / 3.
    #expect(abs(quotients[4] - 2.6945) < 1e-4)
    #expect(file.metadata["llama.rope.scaling.type"] == nil)
  }

  /// What another program wrote: quotients, and nothing of where they come from.
  private func foreign(
    _ quotients: [Float], more: [(key: String, value: GGUFValue)] = [],
    tensors: [GGUFLayout.Entry] = []
  ) throws -> ModelConfig {
    var config = Self.config(.llama)
    config.ropeTheta = 500_000
    let own = try GGUFExport(config: config, type: .f32)
    let metadata: [(key: String, value: GGUFValue)] = try GGUFFile(
      MappedFile(copying: Self.bytes(Source(config: config), .f32))
    ).metadata.sorted { $0.key < $1.key }.filter { old in !more.contains { $0.key == old.key } }
      .map { ($0.key, $0.value) }
    let added =
      quotients.isEmpty
      ? tensors
      : tensors + [.init(name: "rope_freqs.weight", shape: [quotients.count], type: .f32)]
    let layout = GGUFLayout(
      metadata: metadata + more, tensors: own.items.map(\.entry) + added)
    let bytes = layout.bytes {
      $0.name == "rope_freqs.weight"
        ? quotients : Array(repeating: 0, count: $0.shape.reduce(1, *))
    }
    return try GGUFModel(MappedFile(copying: bytes)).config
  }

  @Test func `the end of a turn ends a text too`() throws {
    let ends: [(key: String, value: GGUFValue)] = [
      ("tokenizer.ggml.eos_token_id", .uint32(7)), ("tokenizer.ggml.eot_token_id", .uint32(9)),
      ("tokenizer.ggml.eom_token_id", .uint32(7)),
    ]
    #expect(try foreign([], more: ends).eosIDs == [7, 9])
  }

  @Test func `quotients of Llama 3 say where they come from`() throws {
    // As llama.cpp's converter computes them for Llama 3.2 (factor 32), of heads of 16.
    let quotients = (0..<8).map { i -> Float in
      let length =
        2 * Double.pi * [1, 5.1567, 26.5915, 137.1253, 707.1068, 3646.334, 18803.02, 96961.2][i]
      if length < 2048 { return 1 }
      if length > 8192 { return 32 }
      let smooth = (8192 / length - 1) / 3
      return Float(1 / ((1 - smooth) / 32 + smooth))
    }
    #expect(
      try foreign(quotients).ropeScaling
        == .llama3(
          factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192))
    #expect(try foreign(Array(repeating: 1, count: 8)).ropeScaling == nil)
  }

  @Test func `keys that mean other mathematics are refused by name`() throws {
    func words(
      _ quotients: [Float] = [], _ more: [(key: String, value: GGUFValue)] = [],
      _ tensors: [GGUFLayout.Entry] = []
    ) throws -> String {
      let error = try #require(throws: FormatError.self) {
        try foreign(quotients, more: more, tensors: tensors)
      }
      return "\(error)"
    }
    #expect(try words([1, 1, 1, 1, 2, 3, 4, 5]).contains("rope_freqs.weight: other quotients"))
    #expect(try words([1, 8]).contains("rope_freqs.weight"))
    #expect(
      try words([], [("llama.rope.scaling.type", .string("yarn"))])
        .contains("llama.rope.scaling.type: yarn"))
    #expect(
      try words([], [("llama.rope.scaling.factor", .float(-2))])
        .contains("llama.rope.scaling.factor"))
    #expect(
      try words([], [("llama.attention.sliding_window", .uint32(64))])
        .contains("unknown field · llama.attention.sliding_window"))
    #expect(
      try words([], [("llama.logit_scale", .float(8))]).contains(
        "unknown field · llama.logit_scale"))
    #expect(
      try words([], [("llama.rope.dimension_count", .uint32(8))])
        .contains("llama.rope.dimension_count: 8"))
    #expect(
      try words([], [("llama.attention.head_count_kv", .int32s([2, 2]))])
        .contains("llama.attention.head_count_kv"))
    #expect(
      try words([], [("general.architecture", .string("gemma"))])
        .contains("general.architecture: gemma · use a model with llama, qwen2, qwen3"))
    #expect(
      try words([], [], [.init(name: "blk.0.attn_q_norm.weight", shape: [16], type: .f32)])
        .contains("tensor: blk.0.attn_q_norm.weight"))
    let biases = (0..<2).flatMap { layer in
      [("q", 64), ("k", 32), ("v", 32)].map {
        GGUFLayout.Entry(name: "blk.\(layer).attn_\($0.0).bias", shape: [$0.1], type: .f32)
      }
    }
    #expect(try words([], [], biases).contains("biases: of query true, output false"))
  }

  @Test func `a factor without a type scales linearly, as in llama.cpp`() throws {
    func scaling(_ more: [(key: String, value: GGUFValue)]) throws -> RopeScaling? {
      try foreign([], more: more).ropeScaling
    }
    #expect(try scaling([("llama.rope.scaling.factor", .float(4))]) == .linear(factor: 4))
    #expect(try scaling([("llama.rope.scale_linear", .float(4))]) == .linear(factor: 4))
    #expect(try scaling([("llama.rope.scaling.factor", .float(0))]) == nil)
    #expect(
      try scaling([
        ("llama.rope.scaling.factor", .float(4)), ("llama.rope.scaling.type", .string("none")),
      ]) == nil)
  }

  @Test func `what llama.cpp would leave out is not written`() throws {
    func words(_ family: ModelFamily, _ change: (inout ModelConfig) -> Void) throws -> String {
      var config = Self.config(family)
      change(&config)
      let error = try #require(throws: FormatError.self) {
        try GGUFExport(config: config, type: .f32)
      }
      return "\(error)"
    }
    for family in [ModelFamily.qwen2, .qwen3] {
      #expect(
        try words(family) { $0.ropeScaling = ModelConfigTests.llama3 }
          .contains("rope_scaling: llama3"))
    }
    #expect(
      try words(.qwen3) { ($0.queryKeyValueBias, $0.outputBias) = (true, true) }
        .contains("attention_bias: true"))
    #expect(try words(.qwen2) { $0.outputBias = true }.contains("attention_bias: true"))
    #expect(try words(.qwen2) { $0.mlpBias = true }.contains("mlp_bias: true"))
    #expect(try words(.llama) { $0.queryKeyNorm = true }.contains("norms of heads: true"))
  }

  @Test(
    arguments: [(GGUFFileType.f16, 0.002), (.bf16, 0.02), (.q8, 0.02)]
      as [(GGUFFileType, Float)])
  func `smaller types come back nearly`(type: GGUFFileType, most: Float) throws {
    let source = Source(config: Self.config(.llama))
    let model = try GGUFModel(MappedFile(copying: Self.bytes(source, type)))
    for name in source.names {
      for (a, b) in zip(try model.floats(of: name), try source.floats(of: name)) {
        #expect(abs(a - b) <= most)
      }
    }
  }

  @Test func `rows that are no whole blocks fall back to F16`() throws {
    let export = try GGUFExport(config: Self.config(.llama, hidden: 48), type: .q8)
    let fallen = export.items.filter(\.fellBack)
    #expect(fallen.contains { $0.entry.name == "blk.0.attn_q.weight" && $0.entry.type == .f16 })
    #expect(!fallen.contains { $0.entry.name == "blk.0.ffn_down.weight" })
    #expect(!fallen.contains { $0.entry.shape.count == 1 })
    let source = Source(config: export.config)
    let model = try GGUFModel(MappedFile(copying: Self.bytes(source, .q8)))
    #expect(try model.file.tensor("blk.0.attn_q.weight").type == .f16)
  }

  @Test func `a block's largest value becomes 127`() {
    var values = [Float](repeating: 0, count: 32)
    values[3] = -2
    values[4] = 1
    let bytes = GGUFTensorType.q8.bytes(values)
    #expect(bytes.count == 34)
    #expect(Int8(bitPattern: bytes[2 + 3]) == -127)
    #expect(Int8(bitPattern: bytes[2 + 4]) == 64)  // 63.5 away from zero
    #expect(GGUFTensorType.q8.bytes([Float](repeating: 0, count: 32)).allSatisfy { $0 == 0 })
  }

  @Test func `pairs and halves undo each other`() {
    let values = (0..<4 * 8 * 3).map { Float($0) }
    let pairs = RotaryLayout.pairs(values, heads: 4, columns: 3)
    // Row 1 of a head in pairs is the first row of the second half.
    #expect(Array(pairs[3..<6]) == Array(values[12..<15]))
    #expect(RotaryLayout.halves(pairs, heads: 4, columns: 3) == values)
  }

  @Test func `every way to cut a file short is refused`() throws {
    let bytes = try Self.bytes(Source(config: Self.config(.llama)), .q8)
    for count in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: FormatError.self) {
        try GGUFModel(MappedFile(copying: Array(bytes[..<count])))
      }
    }
  }

  @Test func `a header with any byte changed never crashes`() throws {
    let layout = GGUFLayout(
      metadata: [
        ("general.architecture", .string("llama")), ("a", .int32s([1, 2])),
        ("s", .strings(["x", ""])),
        ("f", .floats([1])), ("n", .array(element: 0, [.uint8(1), .uint8(2)])), ("d", .double(2)),
      ],
      tensors: [
        .init(name: "t", shape: [2, 32], type: .q8), .init(name: "u", shape: [3], type: .f32),
      ])
    let bytes = layout.bytes { $0.shape == [3] ? [1, 2, 3] : Array(repeating: 1, count: 64) }
    let whole = try GGUFFile(MappedFile(copying: bytes))
    #expect(try whole.floats(of: "u") == [1, 2, 3])
    #expect(whole.metadata["s"]?.texts == ["x", ""])
    for at in 0..<layout.header.count {
      for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] where bytes[at] != value {
        var changed = bytes
        changed[at] = value
        if let file = try? GGUFFile(MappedFile(copying: changed)) {
          for name in file.names { _ = try? file.floats(of: name) }
        }
      }
    }
  }

  @Test func `counts that the file has no room for are refused before anything is made`() {
    for (tensors, values) in [(UInt64.max, 0), (0, UInt64.max), (1 << 40, 0)] as [(UInt64, UInt64)]
    {
      var writer = ByteWriter()
      writer.write(GGUFFile.magic)
      writer.write(UInt32(3))
      writer.write(tensors)
      writer.write(values)
      writer.write(bytes: Array(repeating: 0 as UInt8, count: 64))
      #expect(throws: FormatError.self) { try GGUFFile(MappedFile(copying: writer.bytes)) }
    }
  }

  @Test func `an adapter merged by hand equals the merge`() throws {
    let config = Self.config(.llama)
    let adapter = AdapterConfig(rank: 2, alpha: 4, targets: ["q_proj"])
    var writer = SafetensorsWriter()
    for layer in 0..<2 {
      writer.add(
        AdapterConfig.tensorName(layer: layer, target: "q_proj", factor: "A"),
        (0..<128).map { Float($0 % 7) }, shape: [2, 64])
      writer.add(
        AdapterConfig.tensorName(layer: layer, target: "q_proj", factor: "B"),
        (0..<128).map { Float($0 % 5) }, shape: [64, 2])
    }
    let file = try SafetensorsFile(MappedFile(copying: writer.bytes()))
    let weights = try AdapterWeights(config: adapter, file: file, model: config)
    var merged = [Float](repeating: 1, count: 64 * 64)
    try weights.merge(into: &merged, of: "model.layers.1.self_attn.q_proj.weight")
    // Row 3, column 10: B[3] = (6 % 5, 7 % 5), A[:, 10] = (10 % 7, 74 % 7); scale 2.
    #expect(merged[3 * 64 + 10] == 1 + 2 * (1 * 3 + 2 * 4))
    var other = [Float](repeating: 1, count: 64 * 32)
    try weights.merge(into: &other, of: "model.layers.1.self_attn.k_proj.weight")
    #expect(other.allSatisfy { $0 == 1 })
    let gguf = try GGUFFile(
      MappedFile(copying: GGUFExport.adapter(weights, model: config)))
    #expect(gguf.names.count == 4)
    #expect(try gguf.tensor("blk.0.attn_q.weight.lora_b").shape == [64, 2])
    #expect(gguf.metadata["adapter.lora.alpha"]?.number == 4)
  }

  @Test func `merged by magnitudes, rows have their lengths`() throws {
    let config = Self.config(.llama)
    let adapter = AdapterConfig(rank: 2, alpha: 4, targets: ["k_proj"], weightDecomposed: true)
    func file(_ shape: [Int], _ more: [String] = []) throws -> SafetensorsFile {
      var writer = SafetensorsWriter()
      for layer in 0..<2 {
        for tensor in adapter.tensors(layer: layer, target: "k_proj", rows: 32, columns: 64) {
          let isMagnitude = tensor.name.hasSuffix("k_proj.lora_magnitude_vector")
          let shape = isMagnitude ? shape : tensor.shape
          writer.add(
            tensor.name, (0..<shape.reduce(1, *)).map { Float($0 % 7) }, shape: shape)
        }
      }
      for name in more { writer.add(name, [1], shape: [1]) }
      return try SafetensorsFile(MappedFile(copying: writer.bytes()))
    }
    let weights = try AdapterWeights(config: adapter, file: file([32]), model: config)
    let name = "model.layers.1.self_attn.k_proj.weight"
    var merged = [Float](repeating: 1, count: 32 * 64)
    for column in 0..<64 { merged[5 * 64 + column] = 0 }
    try weights.merge(into: &merged, of: name)
    // Row 3: B = (6, 0), so that element j is 1 + 2 · 6 · (j % 7), and all of them are 3 long.
    let sum = (0..<64).map { Double(1 + 12 * ($0 % 7)) }
    let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    for (column, value) in sum.enumerated() {
      #expect(abs(Double(merged[3 * 64 + column]) - 3 * value / length) < 1e-6)
    }
    // Some rows at a time come to the same.
    var run = [Float](repeating: 1, count: 2 * 64)
    try #require(try weights.change(of: name)).apply(to: &run, firstRow: 3)
    #expect(run[..<64] == merged[3 * 64..<4 * 64])

    #expect(throws: FormatError.self) { try GGUFExport.adapter(weights, model: config) }
    let magnitude = AdapterConfig.magnitudeName(layer: 0, target: "k_proj")
    #expect(throws: FormatError.wrongShape(tensor: magnitude, expected: [32], found: [31])) {
      try AdapterWeights(config: adapter, file: file([31]), model: config)
    }
    var plain = adapter
    plain.weightDecomposed = false
    #expect {
      try AdapterWeights(config: plain, file: file([32]), model: config)
    } throws: {
      "\($0)".contains("use_dora")
    }
  }
}

import Bytes
import Foundation
import Kernels
import Testing

@testable import Formats

/// Block types: what their bytes mean, how numbers are rounded to them, and which tensor gets which.
struct QuantisingTests {
  /// Blocks with what gguf's own reader makes of them (Tests/Peers/gguf_blocks.py).
  static let blocks: Result<SafetensorsFile, any Error> = Result {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/gguf/blocks.safetensors").path
    return try SafetensorsFile(MappedFile(path: path))
  }
  static let blockTypes = GGUFTensorType.allCases.filter { $0.blockCount > 1 }

  @Test(arguments: blockTypes)
  func `blocks mean what gguf's reader makes of them`(type: GGUFTensorType) throws {
    let file = try Self.blocks.get()
    let found = type.floats(try file.tensor("\(type.name).bytes").bytes)
    #expect(found.count == 512)
    #expect(found == (try file.floats(of: "\(type.name).values")))
  }

  @Test func `Q8_0 has the bytes of gguf's quantiser`() throws {
    let file = try Self.blocks.get()
    let found = GGUFTensorType.q8.bytes(try file.floats(of: "Q8_0.source"))
    #expect(found == Array(try file.tensor("Q8_0.quantised").bytes))
  }

  static func numbers(_ count: Int, _ purpose: String) -> [Float] {
    var random = SeededRandom(seed: 3, purpose: purpose)
    return (0..<count).map { _ in Float(random.normal()) * 0.05 }
  }

  /// The error relative to the numbers themselves, of some columns.
  static func error(
    _ type: GGUFTensorType, _ values: [Float], columns: Int, importance: [Float]? = nil,
    of isCounted: (Int) -> Bool = { _ in true }
  ) -> Double {
    let bytes = type.bytes(values, columns: columns, importance: importance)
    let back = bytes.withUnsafeBytes { type.floats($0) }
    var (error, all) = (0.0, 0.0)
    for (at, (a, b)) in zip(values, back).enumerated() where isCounted(at % columns) {
      error += Double((a - b) * (a - b))
      all += Double(a * a)
    }
    return (error / all).squareRoot()
  }

  /// The bounds lie 3 to 10 % above what the search reaches, and below what rounding to the largest
  /// number of a block gives.
  @Test(arguments: [
    (GGUFTensorType.q4, 0.092), (.q41, 0.079), (.q50, 0.046), (.q51, 0.038), (.q4K, 0.079),
    (.q5K, 0.039), (.q6K, 0.019), (.q8, 0.0062),
  ])
  func `rounding loses little`(type: GGUFTensorType, most: Double) {
    let error = Self.error(type, Self.numbers(16 * 768, type.name), columns: 768)
    #expect(error < most)
    #expect(error > most / 2, "a type of these bits can hardly be so exact")
  }

  @Test(arguments: [GGUFTensorType.q4, .q41, .q50, .q51, .q4K, .q5K, .q6K])
  func `columns that matter are rounded more exactly`(type: GGUFTensorType) {
    let values = Self.numbers(64 * 256, type.name)
    // One of eight columns counts a hundred times as much.
    let importance = (0..<256).map { $0 % 8 == 3 ? Float(100) : 1 }
    func error(_ importance: [Float]?) -> Double {
      Self.error(type, values, columns: 256, importance: importance) { $0 % 8 == 3 }
    }
    #expect(error(importance) < 0.95 * error(nil))
  }

  @Test(arguments: blockTypes)
  func `awkward numbers come back as numbers`(type: GGUFTensorType) {
    var values = Self.numbers(256 * 8, "awkward")
    for at in 0..<256 { values[at] = 0 }
    for at in 256..<512 { values[at] = at == 300 ? 1e-38 : -0x1p-137 }
    for at in 512..<768 { values[at] = at % 2 == 0 ? 3e38 : -3e38 }
    for at in 768..<1024 { values[at] = 2 }
    for at in 1024..<1280 { values[at] = -0.5 }
    let bytes = type.bytes(values)
    let back = bytes.withUnsafeBytes { type.floats($0) }
    #expect(back[..<512].allSatisfy { abs($0) < 1e-6 })
    #expect(back.allSatisfy { !$0.isNaN })
    for at in 768..<1280 { #expect(abs(back[at] - values[at]) <= 0.06 * abs(values[at])) }
  }

  // MARK: Which tensor gets which type

  static func types(
    _ type: GGUFFileType, hidden: Int = 512, inner: Int = 1536, layers: Int = 24,
    tied: Bool = false, hasImportance: Bool = false
  ) throws -> [String: GGUFTensorType] {
    let config = ModelConfig(
      hiddenSize: hidden, intermediateSize: inner, layerCount: layers, headCount: 8,
      keyValueHeadCount: 4, vocabularySize: 64, tiedEmbeddings: tied)
    let export = try GGUFExport(config: config, type: type, hasImportance: hasImportance)
    return Dictionary(uniqueKeysWithValues: export.items.map { ($0.entry.name, $0.entry.type) })
  }

  @Test(arguments: [(GGUFFileType.q4KM, GGUFTensorType.q4K), (.q5KM, .q5K)])
  func `the M mixes give some layers more bits`(type: GGUFFileType, main: GGUFTensorType) throws {
    let types = try Self.types(type)
    // 24 layers: the first 3, the last 3, and every third between.
    let more: Set = [0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23]
    for layer in 0..<24 {
      for name in ["attn_v", "ffn_down"] {
        #expect(types["blk.\(layer).\(name).weight"] == (more.contains(layer) ? .q6K : main))
      }
      for name in ["attn_q", "attn_k", "attn_output", "ffn_up", "ffn_gate"] {
        #expect(types["blk.\(layer).\(name).weight"] == main)
      }
      #expect(types["blk.\(layer).attn_norm.weight"] == .f32)
    }
    #expect(types["output.weight"] == .q6K)
    #expect(types["token_embd.weight"] == main)
    #expect(try Self.types(type, tied: true)["token_embd.weight"] == .q6K)
  }

  @Test func `rows that are no whole blocks fall back as in llama.cpp`() throws {
    // The shape of SmolLM2-135M: rows of 576, and of 1536 in the down projection.
    func fallen(_ type: GGUFFileType) throws -> [String: GGUFTensorType] {
      try Self.types(type, hidden: 576, layers: 30, tied: true)
    }
    let four = try fallen(.q4KM)
    #expect(four["blk.5.attn_q.weight"] == .q50 && four["blk.3.ffn_down.weight"] == .q4K)
    #expect(four["blk.0.attn_v.weight"] == .q8 && four["blk.0.ffn_down.weight"] == .q6K)
    #expect(four["token_embd.weight"] == .q8)
    let five = try fallen(.q5KM)
    #expect(five["blk.5.attn_q.weight"] == .q51 && five["blk.3.ffn_down.weight"] == .q5K)
    let six = try fallen(.q6K)
    #expect(six["blk.5.attn_q.weight"] == .q8 && six["blk.3.ffn_down.weight"] == .q6K)
    let plain = try fallen(.q4)
    #expect(plain["blk.5.attn_q.weight"] == .q4 && plain["token_embd.weight"] == .q8)
    #expect(try Self.types(.q4, tied: true)["token_embd.weight"] == .q6K)
    #expect(try Self.types(.q4KM, hidden: 48)["blk.1.attn_q.weight"] == .f16)
  }

  @Test func `Q4_0 with an importance gives the first down projections an offset`() throws {
    let types = try Self.types(.q4, hasImportance: true)
    #expect(types["blk.2.ffn_down.weight"] == .q41 && types["blk.3.ffn_down.weight"] == .q4)
    #expect(try Self.types(.q4)["blk.2.ffn_down.weight"] == .q4)
  }

  // MARK: A few rows at a time

  @Test(arguments: [GGUFFileType.f32, .q4, .q6K])
  func `rows are those of the whole tensor`(type: GGUFFileType) throws {
    let source = GGUFTests.Source(config: GGUFTests.config(.llama))
    let model = try GGUFModel(MappedFile(copying: GGUFTests.bytes(source, type)))
    for tensor in source.config.tensors where tensor.shape.count == 2 {
      let all = try model.floats(of: tensor.name)
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      let part = try model.floats(of: tensor.name, rows: 3..<rows - 2)
      #expect(part == Array(all[3 * columns..<(rows - 2) * columns]))
    }
  }

  @Test func `runs of rows cover a matrix once, in whole units`() {
    for (rows, columns, unit) in [(151_936, 896, 1), (40, 64, 16), (4096, 4096, 128), (3, 1, 1)] {
      let runs = RowRuns.of(rows: rows, columns: columns, unit: unit)
      #expect(runs.first?.lowerBound == 0 && runs.last?.upperBound == rows)
      for (run, next) in zip(runs, runs.dropFirst()) { #expect(run.upperBound == next.lowerBound) }
      #expect(runs.allSatisfy { $0.lowerBound.isMultiple(of: unit) })
      #expect(runs.allSatisfy { $0.count * columns <= max(1 << 20, unit * columns) })
    }
  }

  @Test func `a weight that is no number is named`() throws {
    var source = Broken()
    source.place = 70
    let export = try GGUFExport(config: source.config, type: .q8)
    let item = try #require(export.items.first { $0.source == "model.embed_tokens.weight" })
    let error = try #require(throws: FormatError.self) {
      try export.write(item, from: source, adapter: nil) { _ in }
    }
    #expect("\(error)".contains("model.embed_tokens.weight: nan in row 1, column 6"))
    // Norms too, though they are never rounded.
    source.place = 5
    let norm = try #require(export.items.first { $0.source == "model.norm.weight" })
    let other = try #require(throws: FormatError.self) {
      try export.write(norm, from: source, adapter: nil) { _ in }
    }
    #expect("\(other)".contains("model.norm.weight: nan in column 5"))
  }

  private struct Broken: TensorSource {
    let source = GGUFTests.Source(config: GGUFTests.config(.llama))
    var place = 0
    var config: ModelConfig { source.config }
    var names: [String] { source.names }
    func shape(of name: String) -> [Int]? { source.shape(of: name) }
    func floats(of name: String) throws(FormatError) -> [Float] {
      var floats = try source.floats(of: name)
      floats[place] = .nan
      return floats
    }
  }
}

import Bytes
import Formats
import Foundation
import Models
import Testing

/// A case of the reference states made with PyTorch, transformers and PEFT.
struct Reference: CustomTestStringConvertible {
  static let names = [
    "llama-tied-gqa", "llama-untied-gqa", "llama-mqa-padded", "qwen2-tied-bias-gqa",
  ]
  /// One case for every architecture (Tests/Fixtures/architectures).
  static let architectures = [
    "llama-untied-mha", "llama-tied-gqa-odd-heads", "llama-all-biases", "llama-llama3-scaling",
    "llama-linear-scaling", "mistral-head-dim", "qwen2-untied", "qwen3-tied",
    "qwen3-untied-mqa-bias-linear",
  ]
  static let all = names + architectures

  let name: String
  let model: LanguageModel
  /// The samples without their padding.
  let samples: [TokenSample]
  private let folder: String
  /// Columns of the padded matrices.
  private let width: Int

  var testDescription: String { name }

  init(_ name: String) throws {
    self.name = name
    let kind = Self.names.contains(name) ? "reference" : "architectures"
    folder =
      URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/\(kind)/\(name)").path
    let config = try ModelConfig(
      json: Data(contentsOf: URL(filePath: folder + "/model/config.json")))
    model = try LanguageModel(
      config: config,
      source: SafetensorsFile(MappedFile(path: folder + "/model/model.safetensors")),
      holding: .trainable)
    let forward = try SafetensorsFile(MappedFile(path: folder + "/forward.safetensors"))
    let ids = try forward.tensor("input_ids").int32s()
    let labels = try forward.tensor("labels").int32s()
    let mask = try forward.tensor("attention_mask").int32s()
    let width = try forward.tensor("input_ids").shape[1]
    self.width = width
    samples = (0..<ids.count / width).map { row in
      let columns = (row * width..<(row + 1) * width).filter { mask[$0] != 0 }
      return TokenSample(ids: columns.map { ids[$0] }, labels: columns.map { labels[$0] })
    }
  }

  /// The same model with its matrices held otherwise.
  func model(holding: LanguageModel.Holding) throws -> LanguageModel {
    try LanguageModel(
      config: model.config,
      source: SafetensorsFile(MappedFile(path: folder + "/model/model.safetensors")),
      holding: holding)
  }

  func tensors(_ file: String) throws -> SafetensorsFile {
    try SafetensorsFile(MappedFile(path: folder + "/" + file))
  }

  func adapter(_ name: String) throws -> Adapter {
    let config = try AdapterConfig(
      json: Data(contentsOf: URL(filePath: folder + "/\(name)/adapter_config.json")))
    return try Adapter(
      config: config, base: model, source: tensors("\(name)/adapter_model.safetensors"))
  }

  func batch() throws -> Batch { try Batch(samples, config: model.config) }

  /// Rows of the reference's padded matrices that are not padding, in batch order.
  var paddedRows: [Int] {
    samples.enumerated().flatMap { row, sample in sample.ids.indices.map { row * width + $0 } }
  }
}

func largestDifference(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Float {
  zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

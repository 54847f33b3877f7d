public import Formats
public import Kernels

/// Stores the weights of a Llama-like model, f32, in one run of floats.
///
/// Sendable because nothing writes to the weights once it is made, except full training, which owns
/// its model alone.
public final class LanguageModel: @unchecked Sendable {
  public let config: ModelConfig
  public let layout: ParameterLayout
  /// The weights in the order of `layout`.
  public let weights: FloatBuffer

  /// Reads the weights from a file of any format.
  /// - Throws: `FormatError` if a tensor is missing or of the wrong shape.
  public init(config: ModelConfig, source: some TensorSource) throws(FormatError) {
    try config.refuseUncomputed()
    try config.check(source)
    self.config = config
    layout = ParameterLayout(config.tensors.map { ($0.name, $0.shape) })
    weights = FloatBuffer(count: layout.count)
    for entry in layout.entries {
      let floats = try source.floats(of: entry.name)
      guard floats.count == entry.count else {
        throw .wrongShape(tensor: entry.name, expected: entry.shape, found: [floats.count])
      }
      floats.withUnsafeBufferPointer { values in
        if let start = values.baseAddress {
          (weights.pointer + entry.offset).update(from: start, count: values.count)
        }
      }
    }
  }

  /// Takes over weights that are already laid out.
  public init(config: ModelConfig, weights: FloatBuffer) {
    self.config = config
    layout = ParameterLayout(config.tensors.map { ($0.name, $0.shape) })
    precondition(weights.count == layout.count, "weights do not fit the config")
    self.weights = weights
  }

  func pointer(_ name: String) -> UnsafeMutablePointer<Float> {
    weights.pointer + layout.offset(name)
  }

  /// One tensor's floats, copied.
  public func floats(_ entry: ParameterLayout.Entry) -> [Float] {
    Array(UnsafeBufferPointer(start: weights.pointer + entry.offset, count: entry.count))
  }

  /// The weights as a safetensors file.
  public func safetensors(as type: ScalarType) -> [UInt8] {
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for entry in layout.entries {
      writer.add(entry.name, floats(entry), shape: entry.shape, as: type)
    }
    return writer.bytes()
  }
}

/// Names the seven projections of a layer.
public enum Projection: String, CaseIterable, Sendable {
  case query = "q_proj"
  case key = "k_proj"
  case value = "v_proj"
  case output = "o_proj"
  case gate = "gate_proj"
  case up = "up_proj"
  case down = "down_proj"

  /// The tensor's name without `.weight`.
  func path(layer: Int) -> String {
    "model.layers.\(layer).\(AdapterConfig.block(of: rawValue)).\(rawValue)"
  }

  /// Rows and columns of the weight: [out, in].
  func shape(_ config: ModelConfig) -> (out: Int, in: Int) {
    let queries = config.headCount * config.headSize
    let keys = config.keyValueHeadCount * config.headSize
    return switch self {
    case .query: (queries, config.hiddenSize)
    case .key, .value: (keys, config.hiddenSize)
    case .output: (config.hiddenSize, queries)
    case .gate, .up: (config.intermediateSize, config.hiddenSize)
    case .down: (config.hiddenSize, config.intermediateSize)
    }
  }
}

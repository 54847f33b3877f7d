import Formats

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

  /// Its place in `allCases`.
  var index: Int {
    switch self {
    case .query: 0
    case .key: 1
    case .value: 2
    case .output: 3
    case .gate: 4
    case .up: 5
    case .down: 6
    }
  }
}

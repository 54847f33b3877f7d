/// Stores how a model stretches its rotary positions beyond the context it was first trained with.
public enum RopeScaling: Equatable, Sendable {
  /// Divides every frequency by the factor (position interpolation, Chen et al. 2023).
  case linear(factor: Double)
  /// Divides slow frequencies by the factor, keeps fast ones, and blends those between (Llama 3.1,
  /// Dubey et al. 2024).
  ///
  /// Slow are waves longer than originalPositions / lowFrequencyFactor, fast are those shorter than
  /// originalPositions / highFrequencyFactor.
  case llama3(
    factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalPositions: Int)
}

extension RopeScaling {
  /// The scaled frequency, rounded to 32 bits where transformers rounds (`modeling_rope_utils`).
  public func scaled(_ frequency: Float) -> Float {
    switch self {
    case .linear(let factor): frequency / Float(factor)
    case .llama3(let factor, _, _, _):
      switch part(of: frequency) {
      case .slow: frequency / Float(factor)
      case .fast: frequency
      case .between(let smooth):
        (1 - smooth) * frequency / Float(factor) + smooth * frequency
      }
    }
  }

  /// What llama.cpp divides the angle by: the elements of its tensor `rope_freqs.weight`, as its
  /// converter computes them.
  func divisor(of frequency: Float) -> Float {
    switch self {
    case .linear(let factor): Float(factor)
    case .llama3(let factor, _, _, _):
      switch part(of: frequency) {
      case .slow: Float(factor)
      case .fast: 1
      case .between(let smooth): 1 / ((1 - smooth) / Float(factor) + smooth)
      }
    }
  }

  private enum Part {
    case slow, fast
    case between(Float)
  }

  private func part(of frequency: Float) -> Part {
    guard case .llama3(_, let low, let high, let positions) = self else { return .slow }
    // PyTorch divides a number by a tensor as reciprocal times number.
    let length = (1 / frequency) * Float(2 * Double.pi)
    if length > Float(Double(positions) / low) { return .slow }
    if length < Float(Double(positions) / high) { return .fast }
    let turns = (1 / length) * Float(positions)
    return .between((turns - Float(low)) / Float(high - low))
  }
}

extension RopeScaling {
  /// Reads the object `rope_scaling` of a `config.json`.
  init(json bytes: [UInt8], format: String) throws(FormatError) {
    let object = try JSONNode(parsing: bytes, format: format)
    let fields = ConfigFields(node: .object(["rope_scaling": object]), format: format)
    guard let scaling = try fields.rope(positions: 1).scaling else {
      throw .invalid(format: format, field: "rope_scaling", found: "no scaling")
    }
    self = scaling
  }

  /// The object `rope_scaling` of a `config.json`.
  func json() -> JSONNode {
    switch self {
    case .linear(let factor):
      .object(["factor": .double(factor), "rope_type": .string("linear")])
    case .llama3(let factor, let low, let high, let positions):
      .object([
        "factor": .double(factor), "high_freq_factor": .double(high),
        "low_freq_factor": .double(low), "original_max_position_embeddings": .int(positions),
        "rope_type": .string("llama3"),
      ])
    }
  }
}

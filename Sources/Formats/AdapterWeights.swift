import Bytes

/// Stores a LoRA adapter whose factors fit a model.
public struct AdapterWeights: Sendable {
  /// The two factors of one projection: A is [rank, in], B is [out, rank].
  public struct Pair: Sendable {
    public let a: [Float]
    public let b: [Float]
  }

  public let config: AdapterConfig
  private let file: SafetensorsFile

  /// - Throws: if a factor is missing, superfluous or of another shape than the model wants.
  public init(
    config: AdapterConfig, file: SafetensorsFile, model: ModelConfig
  ) throws(FormatError) {
    self.config = config
    self.file = file
    var expected: Set<String> = []
    for layer in 0..<model.layerCount {
      for target in config.targets {
        let (rows, columns) = model.shape(ofTarget: target)
        for (factor, shape) in [("A", [config.rank, columns]), ("B", [rows, config.rank])] {
          let name = AdapterConfig.tensorName(layer: layer, target: target, factor: factor)
          guard let found = file.shape(of: name) else {
            throw .missing(format: AdapterConfig.weightsName, field: "tensor \(name)")
          }
          guard found == shape else {
            throw .wrongShape(tensor: name, expected: shape, found: found)
          }
          expected.insert(name)
        }
      }
    }
    if let other = file.names.first(where: { !expected.contains($0) }) {
      throw .unsupported(
        format: AdapterConfig.weightsName, field: "tensor", found: other,
        supported: "LoRA on the projections its config names")
    }
  }

  /// The factors of a projection; nil where the adapter leaves it alone.
  public func pair(layer: Int, target: String) throws(FormatError) -> Pair? {
    guard config.targets.contains(target) else { return nil }
    func factor(_ which: String) throws(FormatError) -> [Float] {
      try file.floats(
        of: AdapterConfig.tensorName(layer: layer, target: target, factor: which))
    }
    return Pair(a: try factor("A"), b: try factor("B"))
  }

  /// What the adapter adds to the weights of the projection that a Hugging Face name belongs to; nil
  /// if it leaves it alone.
  public func change(of name: String) throws(FormatError) -> WeightChange? {
    let parts = name.split(separator: ".")
    guard parts.count == 6, parts[1] == "layers", let layer = Int(parts[2]), parts[5] == "weight",
      let pair = try pair(layer: layer, target: String(parts[4]))
    else { return nil }
    return WeightChange(pair: pair, rank: config.rank, scale: Float(config.scale))
  }

  /// Adds scale·B·A to the weights of the projection that a Hugging Face name belongs to, if it is
  /// adapted.
  public func merge(into weights: inout [Float], of name: String) throws(FormatError) {
    try change(of: name)?.add(to: &weights, firstRow: 0)
  }
}

/// Stores what an adapter adds to one projection: scale·B·A.
public struct WeightChange: Sendable {
  let pair: AdapterWeights.Pair
  let rank: Int
  let scale: Float

  /// Adds the change to rows of the weights, in f32.
  public func add(to weights: inout [Float], firstRow: Int) {
    let columns = pair.a.count / rank
    var row = [Float](repeating: 0, count: columns)
    pair.a.withUnsafeBufferPointer { a in
      weights.withUnsafeMutableBufferPointer { weights in
        for at in 0..<weights.count / columns {
          for column in 0..<columns { row[column] = 0 }
          for inner in 0..<rank {
            let factor = pair.b[(firstRow + at) * rank + inner]
            for column in 0..<columns { row[column] += factor * a[inner * columns + column] }
          }
          for column in 0..<columns { weights[at * columns + column] += scale * row[column] }
        }
      }
    }
  }
}

extension ModelConfig {
  /// Rows and columns of a projection's weights.
  public func shape(ofTarget target: String) -> (rows: Int, columns: Int) {
    switch target {
    case "q_proj": (headCount * headSize, hiddenSize)
    case "k_proj", "v_proj": (keyValueHeadCount * headSize, hiddenSize)
    case "o_proj": (hiddenSize, headCount * headSize)
    case "down_proj": (hiddenSize, intermediateSize)
    default: (intermediateSize, hiddenSize)
    }
  }
}

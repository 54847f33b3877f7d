import Bytes
import Kernels

/// Stores a LoRA adapter whose factors fit a model.
public struct AdapterWeights: Sendable {
  /// What changes one projection: A is [rank, in], B is [out, rank], and with DoRA the magnitudes are
  /// [out].
  public struct Factors: Sendable {
    public let a: [Float]
    public let b: [Float]
    public let magnitudes: [Float]?
  }

  public let config: AdapterConfig
  private let file: SafetensorsFile

  /// - Throws: if a tensor is missing, superfluous or of another shape than the model wants.
  public init(
    config: AdapterConfig, file: SafetensorsFile, model: ModelConfig
  ) throws(FormatError) {
    self.config = config
    self.file = file
    var expected: Set<String> = []
    for layer in 0..<model.layerCount {
      for target in config.targets {
        let (rows, columns) = model.shape(ofTarget: target)
        for (name, shape) in config.tensors(
          layer: layer, target: target, rows: rows, columns: columns)
        {
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
      throw config.superfluous(other)
    }
  }

  /// What changes a projection; nil where the adapter leaves it alone.
  public func factors(layer: Int, target: String) throws(FormatError) -> Factors? {
    guard config.targets.contains(target) else { return nil }
    func factor(_ which: String) throws(FormatError) -> [Float] {
      try file.floats(
        of: AdapterConfig.tensorName(layer: layer, target: target, factor: which))
    }
    let magnitudes =
      config.weightDecomposed
      ? try file.floats(of: AdapterConfig.magnitudeName(layer: layer, target: target)) : nil
    return Factors(a: try factor("A"), b: try factor("B"), magnitudes: magnitudes)
  }

  /// What the adapter does to the weights of the projection that a Hugging Face name belongs to; nil
  /// if it leaves it alone.
  public func change(of name: String) throws(FormatError) -> WeightChange? {
    let parts = name.split(separator: ".")
    guard parts.count == 6, parts[1] == "layers", let layer = Int(parts[2]), parts[5] == "weight",
      let factors = try factors(layer: layer, target: String(parts[4]))
    else { return nil }
    return WeightChange(factors: factors, rank: config.rank, scale: Float(config.scale))
  }

  /// Merges the adapter into the weights of the projection that a Hugging Face name belongs to, if it
  /// is adapted.
  public func merge(into weights: inout [Float], of name: String) throws(FormatError) {
    try change(of: name)?.apply(to: &weights, firstRow: 0)
  }
}

extension AdapterConfig {
  /// The tensors of one adapted projection, whose weights are [rows, columns].
  public func tensors(
    layer: Int, target: String, rows: Int, columns: Int
  ) -> [(name: String, shape: [Int])] {
    let factors = [
      (Self.tensorName(layer: layer, target: target, factor: "A"), [rank, columns]),
      (Self.tensorName(layer: layer, target: target, factor: "B"), [rows, rank]),
    ]
    guard weightDecomposed else { return factors }
    return factors + [(Self.magnitudeName(layer: layer, target: target), [rows])]
  }
}

/// Stores what an adapter does to the weights of one projection: it adds scale·B·A, and with DoRA
/// gives each row the length of its magnitude.
public struct WeightChange: Sendable {
  let factors: AdapterWeights.Factors
  let rank: Int
  let scale: Float

  /// Changes whole rows of the weights, in f32.
  public func apply(to weights: inout [Float], firstRow: Int) {
    add(to: &weights, firstRow: firstRow)
    guard let magnitudes = factors.magnitudes else { return }
    let columns = factors.a.count / rank
    var lengths = [Float](repeating: 0, count: weights.count / columns)
    weights.withUnsafeMutableBufferPointer { weights in
      lengths.withUnsafeMutableBufferPointer { lengths in
        guard let start = weights.baseAddress, let norms = lengths.baseAddress else { return }
        Kernels.rowNorms(
          of: Matrix(start, stride: columns), rows: lengths.count, columns: columns, into: norms)
        // A row of nothing has no direction, and stays.
        for (row, length) in lengths.enumerated() where length > 0 {
          let factor = magnitudes[firstRow + row] / length
          for place in row * columns..<(row + 1) * columns { weights[place] *= factor }
        }
      }
    }
  }

  private func add(to weights: inout [Float], firstRow: Int) {
    let columns = factors.a.count / rank
    var row = [Float](repeating: 0, count: columns)
    factors.a.withUnsafeBufferPointer { a in
      weights.withUnsafeMutableBufferPointer { weights in
        for at in 0..<weights.count / columns {
          for column in 0..<columns { row[column] = 0 }
          for inner in 0..<rank {
            let factor = factors.b[(firstRow + at) * rank + inner]
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

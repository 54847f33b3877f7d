public import Bytes
public import Formats
public import Kernels

/// Stores a LoRA adapter (Hu et al. 2021): per adapted projection A [rank, in] and B [out, rank],
/// which add scale · B · A to its weight.
///
/// Sendable on the same terms as `LanguageModel`: only the training that owns it writes to it.
public final class Adapter: @unchecked Sendable {
  public let config: AdapterConfig
  public let layout: ParameterLayout
  public let weights: FloatBuffer
  /// Where A and B of each projection of each layer lie; nil where it is not adapted.
  private let places: [(a: Int, b: Int)?]

  /// A fresh adapter: A uniform in ±1/√in, as PEFT draws it (Kaiming with a = √5), B zero.
  public init(config: AdapterConfig, base: ModelConfig, random: inout SeededRandom) {
    self.config = config
    layout = Self.layout(config, base)
    places = Self.places(config, layout, layers: base.layerCount)
    weights = FloatBuffer(count: layout.count)
    for entry in layout.entries where entry.name.hasSuffix("lora_A.weight") {
      let bound = 1 / Double(entry.shape[1]).squareRoot()
      for i in 0..<entry.count {
        weights.pointer[entry.offset + i] = Float((random.uniform() * 2 - 1) * bound)
      }
    }
  }

  /// Reads an adapter in PEFT's names.
  /// - Throws: `FormatError` for a missing tensor, `ModelError` for one that does not fit the base.
  public init(config: AdapterConfig, base: ModelConfig, source: some TensorSource) throws {
    self.config = config
    layout = Self.layout(config, base)
    places = Self.places(config, layout, layers: base.layerCount)
    weights = FloatBuffer(count: layout.count)
    for entry in layout.entries {
      guard let shape = source.shape(of: entry.name) else {
        throw FormatError.missing(format: AdapterConfig.weightsName, field: "tensor \(entry.name)")
      }
      guard shape == entry.shape else {
        throw ModelError.adapterMismatch(tensor: entry.name, expected: entry.shape, found: shape)
      }
      let floats = try source.floats(of: entry.name)
      for (i, value) in floats.enumerated() { weights.pointer[entry.offset + i] = value }
    }
    // A tensor nobody reads means that config and weights do not belong together.
    for name in source.names where layout.entry(name) == nil {
      throw ModelError.adapterMismatch(
        tensor: name, expected: [], found: source.shape(of: name) ?? [])
    }
  }

  /// The same factors under a config that differs in dropout alone.
  public init(config: AdapterConfig, copying other: Adapter) {
    self.config = config
    layout = other.layout
    places = other.places
    weights = FloatBuffer(other.weights.floats)
  }

  private static func layout(_ config: AdapterConfig, _ base: ModelConfig) -> ParameterLayout {
    var tensors: [(name: String, shape: [Int])] = []
    for layer in 0..<base.layerCount {
      for projection in Projection.allCases where config.targets.contains(projection.rawValue) {
        let shape = projection.shape(base)
        func name(_ factor: String) -> String {
          AdapterConfig.tensorName(layer: layer, target: projection.rawValue, factor: factor)
        }
        tensors.append((name("A"), [config.rank, shape.in]))
        tensors.append((name("B"), [shape.out, config.rank]))
      }
    }
    return ParameterLayout(tensors)
  }

  private static func places(
    _ config: AdapterConfig, _ layout: ParameterLayout, layers: Int
  ) -> [(a: Int, b: Int)?] {
    (0..<layers).flatMap { layer in
      Projection.allCases.map { projection in
        guard config.targets.contains(projection.rawValue) else { return nil }
        func name(_ factor: String) -> String {
          AdapterConfig.tensorName(layer: layer, target: projection.rawValue, factor: factor)
        }
        return (layout.offset(name("A")), layout.offset(name("B")))
      }
    }
  }

  /// Where A and B of a projection lie, if it is adapted.
  func offsets(_ projection: Projection, layer: Int) -> (a: Int, b: Int)? {
    places[layer * Projection.allCases.count + projection.index]
  }

  /// Bytes of the factors.
  public var bytes: Int { layout.count * MemoryLayout<Float>.stride }

  /// The factors as PEFT's `adapter_model.safetensors`.
  public func safetensors() -> [UInt8] {
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for entry in layout.entries {
      let floats = Array(
        UnsafeBufferPointer(start: weights.pointer + entry.offset, count: entry.count))
      writer.add(entry.name, floats, shape: entry.shape)
    }
    return writer.bytes()
  }
}

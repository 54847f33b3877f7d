public import Bytes
public import Formats
public import Kernels
import Synchronization

/// Stores a LoRA adapter (Hu et al. 2021): per adapted projection A [rank, in] and B [out, rank],
/// which add scale · B · A to its weight; with DoRA (Liu et al. 2024) also the lengths m [out] that
/// the rows of the sum are given (`Adapter+Magnitudes`).
///
/// Sendable on the same terms as `LanguageModel`: only the training that owns it writes to it.
public final class Adapter: @unchecked Sendable {
  public let config: AdapterConfig
  public let layout: ParameterLayout
  public let weights: FloatBuffer
  /// The model that it adapts.
  let base: LanguageModel
  /// Where the tensors of each projection of each layer lie; nil where it is not adapted.
  let places: [Place?]
  /// With DoRA, of every adapted row: m/‖W + scale·B·A‖ and 1/‖W + scale·B·A‖.
  let rowScales: FloatBuffer
  let inverseNorms: FloatBuffer
  /// Whether nobody will ask for it again: what is being computed with it is not kept then.
  let isForgotten = Atomic<Bool>(false)

  /// Where the tensors of one projection lie among the weights.
  struct Place {
    let a, b: Int
    /// With DoRA: its magnitudes, and its first row among all adapted ones.
    let magnitudes: Int?
    let row: Int
  }

  /// A fresh adapter: A uniform in ±1/√in, as PEFT draws it (Kaiming with a = √5), B zero, magnitudes
  /// the lengths of the rows as they are, so that it changes nothing yet.
  public convenience init(
    config: AdapterConfig, base: LanguageModel, random: inout SeededRandom
  ) {
    self.init(config: config, base: base)
    for entry in layout.entries where entry.name.hasSuffix("lora_A.weight") {
      let bound = 1 / Double(entry.shape[1]).squareRoot()
      for i in 0..<entry.count {
        weights.pointer[entry.offset + i] = Float((random.uniform() * 2 - 1) * bound)
      }
    }
    takeMagnitudes()
    measure()
  }

  /// Reads an adapter in PEFT's names.
  /// - Throws: `FormatError` for a missing tensor, `ModelError` for one that does not fit the base.
  public convenience init(
    config: AdapterConfig, base: LanguageModel, source: some TensorSource
  ) throws {
    self.init(config: config, base: base)
    for entry in layout.entries {
      guard let shape = source.shape(of: entry.name) else {
        throw FormatError.missing(format: AdapterConfig.weightsName, field: "tensor \(entry.name)")
      }
      guard shape == entry.shape else {
        throw ModelError.adapterMismatch(tensor: entry.name, expected: entry.shape, found: shape)
      }
      let floats = try source.floats(of: entry.name)
      if let place = floats.firstIndex(where: { !$0.isFinite }) {
        throw FormatError.invalid(
          format: AdapterConfig.weightsName, field: entry.name,
          found: "\(floats[place]) at place \(place): its training went wrong")
      }
      weights.write(floats, at: entry.offset)
    }
    // A tensor nobody reads means that config and weights do not belong together.
    for name in source.names where layout.entry(name) == nil { throw config.superfluous(name) }
    measure()
  }

  /// The same weights under a config that differs in dropout alone.
  public convenience init(config: AdapterConfig, copying other: Adapter) {
    self.init(config: config, base: other.base)
    weights.pointer.update(from: other.weights.pointer, count: weights.count)
    measure()
  }

  private init(config: AdapterConfig, base: LanguageModel) {
    self.config = config
    self.base = base
    var tensors: [(name: String, shape: [Int])] = []
    var places: [Place?] = []
    var (offset, rows) = (0, 0)
    for layer in 0..<base.config.layerCount {
      for projection in Projection.allCases {
        guard config.targets.contains(projection.rawValue) else {
          places.append(nil)
          continue
        }
        let shape = projection.shape(base.config)
        let own = config.tensors(
          layer: layer, target: projection.rawValue, rows: shape.out, columns: shape.in)
        let offsets = own.map { tensor in
          defer { offset += tensor.shape.reduce(1, *) }
          return offset
        }
        places.append(
          Place(
            a: offsets[0], b: offsets[1], magnitudes: config.weightDecomposed ? offsets[2] : nil,
            row: rows))
        tensors += own
        rows += shape.out
      }
    }
    layout = ParameterLayout(tensors)
    self.places = places
    weights = FloatBuffer(count: layout.count)
    rowScales = FloatBuffer(count: config.weightDecomposed ? rows : 0)
    inverseNorms = FloatBuffer(count: config.weightDecomposed ? rows : 0)
  }

  /// Where the tensors of a projection lie, if it is adapted.
  func place(_ projection: Projection, layer: Int) -> Place? {
    places[layer * Projection.allCases.count + projection.index]
  }

  /// Bytes of its numbers.
  public var bytes: Int {
    (layout.count + rowScales.count + inverseNorms.count) * MemoryLayout<Float>.stride
  }

  /// The weights as PEFT's `adapter_model.safetensors`.
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

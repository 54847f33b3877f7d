import Formats
import Kernels

/// Stores a model's matrices packed for products: forward always, backward where training needs it.
///
/// Made once for a frozen base and shared by all adapters; packed anew each step in full training.
public final class PackedModel: @unchecked Sendable {
  // Sendable for the reason LanguageModel is: `repack` belongs to full training alone.

  /// One matrix W [out, in]: x·Wᵀ forward, dy·W backward.
  struct Pair {
    let source: UnsafeMutablePointer<Float>
    let out: Int
    let columns: Int
    let forward: PackedMatrix
    let backward: PackedMatrix?

    init(source: UnsafeMutablePointer<Float>, out: Int, columns: Int, training: Bool) {
      self.source = source
      self.out = out
      self.columns = columns
      forward = PackedMatrix(k: columns, n: out)
      backward = training ? PackedMatrix(k: out, n: columns) : nil
    }

    func pack() {
      forward.pack(source, rowStride: 1, columnStride: columns)
      backward?.pack(source, rowStride: columns, columnStride: 1)
    }
  }

  public let model: LanguageModel
  /// [layer][projection in the order of `Projection.allCases`].
  let layers: [[Pair]]
  /// The output matrix [vocabulary, hidden]: the embedding where tied.
  let head: Pair

  /// - Parameter training: whether gradients will be needed.
  public init(_ model: LanguageModel, training: Bool) {
    self.model = model
    let config = model.config
    layers = (0..<config.layerCount).map { layer in
      Projection.allCases.map { projection in
        let shape = projection.shape(config)
        return Pair(
          source: model.pointer(projection.path(layer: layer) + ".weight"), out: shape.out,
          columns: shape.in, training: training)
      }
    }
    head = Pair(
      source: model.pointer(
        config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"),
      out: config.vocabularySize, columns: config.hiddenSize, training: training)
    repack()
  }

  /// Packs the weights as they are now.
  public func repack() {
    for layer in layers {
      for pair in layer { pair.pack() }
    }
    head.pack()
  }
}

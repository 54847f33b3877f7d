import Formats

extension Network {
  /// The floating-point operations that learning from one token takes: two for each weight on the
  /// way forward, two for the gradient of its input, two more where the weight itself is trained;
  /// and for attention seven products of half a square of scores (two forward, five backward: the
  /// scores are computed again). Elementwise work is not counted.
  /// - Parameter length: tokens of a sample.
  public func trainingOperations(perTokenOf length: Int) -> Double {
    let config = model.config
    let lookups = config.tiedEmbeddings ? 0 : config.vocabularySize * config.hiddenSize
    let weights = Double(config.parameterCount - lookups)
    let attention = Double(
      7 * length * config.headCount * config.headSize * config.layerCount)
    return (training == .everything ? 6 : 4) * weights + attention
  }
}

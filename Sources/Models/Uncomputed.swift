import Formats

extension ModelConfig {
  /// Refuses what the formats can say of a model and `Network` does not compute yet, so that it is
  /// never left out in silence.
  func refuseUncomputed() throws(FormatError) {
    for (field, isAsked) in [
      ("norms of heads", queryKeyNorm), ("mlp_bias", mlpBias),
      ("rope_scaling", ropeScaling != nil),
    ] where isAsked {
      throw .unsupported(
        format: "model", field: field, found: "true",
        supported: "plain rotary positions, no "
          + "norms of heads and no biases of the MLP")
    }
  }
}

import Formats
import Kernels

// Weight-decomposed adaptation (DoRA, Liu et al. 2024): the rows of W + scale·B·A keep their
// directions, and their lengths are the magnitudes m, so that a projection of x is
// y = m/‖W + scale·B·A‖ ⊙ (x·Wᵀ + scale·x·Aᵀ·Bᵀ) + bias.
extension Adapter {
  /// What each row of a projection's result is multiplied by, and 1/‖W + scale·B·A‖, [out] each.
  struct Magnitudes {
    let scales: Floats
    let inverseNorms: Floats
  }

  /// How the rows of a projection are scaled; nil where they are not.
  func magnitudes(_ projection: Projection, layer: Int) -> Magnitudes? {
    guard let place = place(projection, layer: layer), place.magnitudes != nil else { return nil }
    return Magnitudes(
      scales: Floats(rowScales.pointer + place.row),
      inverseNorms: Floats(inverseNorms.pointer + place.row))
  }

  /// Whether it belongs to a model: lengths that were measured on one say nothing of another. Plain
  /// LoRA fits every model of its shapes.
  func fits(_ model: LanguageModel) -> Bool { !config.weightDecomposed || base === model }

  /// Measures the rows' lengths, which whoever has written to the weights does before they are used.
  public func measure() {
    guard config.weightDecomposed else { return }
    let rank = config.rank
    eachPlace { weight, place, magnitudes in
      let norms = inverseNorms.pointer + place.row
      let scales = rowScales.pointer + place.row
      Kernels.rowNorms(
        of: weight.matrix, plus: Floats(weights.pointer + place.b),
        times: Floats(weights.pointer + place.a), scale: Float(config.scale), rows: weight.rows,
        columns: weight.columns, rank: rank, into: norms)
      for row in 0..<weight.rows {
        // A row of nothing has no direction: it stays nothing.
        let norm = norms[row]
        scales[row] = norm > 0 ? magnitudes[row] / norm : 0
        norms[row] = norm > 0 ? 1 / norm : 0
      }
    }
  }

  /// Makes the magnitudes the lengths of the base's own rows.
  func takeMagnitudes() {
    eachPlace { weight, _, magnitudes in
      Kernels.rowNorms(
        of: weight.matrix, rows: weight.rows, columns: weight.columns, into: magnitudes)
    }
  }

  private func eachPlace(
    _ body: (_ weight: Weight, _ place: Place, _ magnitudes: MutableFloats) -> Void
  ) {
    for (layer, layerWeights) in base.layers.enumerated() {
      for projection in Projection.allCases {
        guard let place = place(projection, layer: layer), let offset = place.magnitudes else {
          continue
        }
        body(layerWeights.projections[projection.index], place, weights.pointer + offset)
      }
    }
  }
}

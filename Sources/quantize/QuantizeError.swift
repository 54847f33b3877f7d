import StageKit

/// Says why a model could not be quantised, as facts.
enum QuantizeError: StageFailure, Equatable, CustomStringConvertible {
  case noTokens
  case emptyTokens
  case tooFar(type: String, error: Double, usual: Double, loss: Double, unquantised: Double)

  var exitCode: Int32 {
    switch self {
    case .noTokens: 2
    case .emptyTokens, .tooFar: 1
    }
  }

  var description: String {
    switch self {
    case .noTokens:
      "imatrix=own without texts · it is measured on the input tokens · give tokens, or imatrix=none"
    case .emptyTokens:
      "imatrix=own without texts · the input tokens holds none · check the user's texts, or set "
        + "imatrix=none"
    case .tooFar(let type, let error, let usual, let loss, let unquantised):
      "the quantised model is too far from the unquantised · \(type): logits off by \(error) of "
        + "their spread, at most \(usual) is usual; loss \(loss) instead of \(unquantised) · "
        + "choose a type with more bits (Q8_0), and check the base's weights"
    }
  }
}

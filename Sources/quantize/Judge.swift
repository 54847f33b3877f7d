import Formats
import Models
import StageKit

/// Compares quantised models with the unquantised one on validation texts.
struct Judge {
  /// What a model lost against the unquantised one.
  struct Difference {
    /// Mean −log p of the tokens, in nats.
    var loss: Double
    /// The root mean square of the logits' error, against their spread within a row.
    var logits: Double
  }

  /// The base with its adapter, unquantised.
  let network: Network
  /// Loss of the unquantised model and the tokens it was measured on; nil without validation texts.
  let unquantised: (loss: Double, tokens: Int)?
  private let pieces: [Piece]
  private let context: StageContext

  /// A text with what the unquantised model makes of it.
  private struct Piece {
    let batch: Batch
    let rows: [Int]
    let logits: [Float]
  }

  init(_ folder: ModelFolder, _ context: StageContext) throws {
    self.context = context
    let model = try LanguageModel(folder)
    let adapter = try context.optionalInput("adapter").map { input in
      try Adapter(paths: input.paths, base: model) { try input.map($0) }
    }
    network = Network(model, adapter: adapter)
    var pieces: [Piece] = []
    var score = 0.0
    var tokens = 0
    for sample in try context.optionalInput("heldout")?.tokens().samples ?? [] {
      guard tokens < context[Quantize.checkTokens] else { break }
      let batch = try Batch([sample], config: folder.config)
      guard !batch.lossRows.isEmpty else { continue }
      let rows = Self.rows(of: batch, vocabulary: folder.config.vocabularySize)
      let (losses, logits) = network.losses(batch, logitsOf: rows)
      score += losses.reduce(0) { $0 + Double($1) }
      tokens += losses.count
      pieces.append(Piece(batch: batch, rows: rows, logits: logits))
    }
    self.pieces = pieces
    unquantised = tokens > 0 ? (score / Double(tokens), tokens) : nil
  }

  /// Some of the rows that carry loss, evenly spread: as many as a few megabytes of logits hold.
  private static func rows(of batch: Batch, vocabulary: Int) -> [Int] {
    let all = batch.lossRows.map(Int.init)
    let count = min(all.count, max(4, (1 << 20) / vocabulary))
    return (0..<count).map { all[$0 * all.count / count] }
  }

  /// Measures a model and notes it in its row of the report.
  /// - Parameter binding: whether a difference beyond the type's usual error is a failure.
  func judge(_ folder: ModelFolder, _ row: inout Report.Row, binding: Bool) throws {
    guard let unquantised, let found = try difference(folder) else { return }
    row.loss = found.loss
    row.logitError = found.logits
    context.log(
      "\(row.type.name): loss \(found.loss), unquantised \(unquantised.loss); logits off by "
        + "\(found.logits) of their spread")
    // Also where one of them is no number.
    guard binding, !(found.logits <= row.type.usualError) else { return }
    throw QuantizeError.tooFar(
      type: row.type.name, error: found.logits, usual: row.type.usualError, loss: found.loss,
      unquantised: unquantised.loss)
  }

  private func difference(_ folder: ModelFolder) throws -> Difference? {
    let small = Network(try LanguageModel(folder))
    let vocabulary = folder.config.vocabularySize
    var (loss, tokens, error, spread) = (0.0, 0, 0.0, 0.0)
    for piece in pieces {
      let (losses, logits) = small.losses(piece.batch, logitsOf: piece.rows)
      loss += losses.reduce(0) { $0 + Double($1) }
      tokens += losses.count
      for row in piece.rows.indices {
        var (full, off) = (Deviation(), Deviation())
        for at in row * vocabulary..<(row + 1) * vocabulary {
          full.add(Double(piece.logits[at]))
          off.add(Double(logits[at]) - Double(piece.logits[at]))
        }
        spread += full.value
        error += off.value
      }
    }
    guard tokens > 0 else { return nil }
    return Difference(
      loss: loss / Double(tokens), logits: spread > 0 ? (error / spread).squareRoot() : 0)
  }
}

/// Adds up to Σ (x − mean)²: what a row of logits is shifted by as a whole changes nothing.
private struct Deviation {
  private var (count, sum, squares) = (0.0, 0.0, 0.0)

  mutating func add(_ x: Double) {
    count += 1
    sum += x
    squares += x * x
  }

  var value: Double { count > 0 ? squares - sum * sum / count : 0 }
}

extension GGUFFileType {
  /// The error of the logits, against their spread, beyond which something is wrong: several times
  /// what models of a few million to a few billion weights show.
  var usualError: Double {
    switch self {
    case .f32: 0.001
    case .f16: 0.01
    case .bf16: 0.05
    case .q8: 0.06
    case .q6K: 0.15
    case .q5KM: 0.3
    case .q4KM: 0.5
    case .q4: 0.6
    }
  }
}

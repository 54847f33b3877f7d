import Formats
import Kernels

extension Network {
  /// Rows whose logits are computed at a time, so that no [n, vocabulary] matrix exists.
  static let logitRows = 256

  /// Computes the sum of −log p over the batch's loss rows, without gradients.
  public func loss(_ batch: Batch) -> Double {
    losses(batch).reduce(0) { $0 + Double($1) }
  }

  /// −log p of each loss row's target, in order.
  public func losses(_ batch: Batch) -> [Float] {
    guard batch.count > 0 else { return [] }
    let a = forward(batch)
    return head(batch, a, scale: 0, back: false)
  }

  /// The logits of chosen rows, [rows, vocabulary].
  public func logits(_ batch: Batch, rows chosen: [Int]) -> [Float] {
    let a = forward(batch)
    let d = config.hiddenSize
    let v = config.vocabularySize
    let picked = FloatBuffer(count: chosen.count * d)
    for (i, row) in chosen.enumerated() {
      (picked.pointer + i * d).update(from: a.hidden.pointer + row * d, count: d)
    }
    let result = FloatBuffer(count: chosen.count * v)
    packed.head.forward.multiply(
      picked.pointer, rows: chosen.count, rowStride: d, into: result.pointer)
    return result.floats
  }

  /// Adds the gradient of scale · Σ −log p to `gradient`.
  /// - Returns: Σ −log p.
  public func lossAndGradient(_ batch: Batch, scale: Float) -> Double {
    guard batch.count > 0 else { return 0 }
    let a = forward(batch)
    let losses = head(batch, a, scale: scale, back: true)
    backward(batch, a)
    return losses.reduce(0) { $0 + Double($1) }
  }

  /// Goes through the output matrix for the rows that carry loss. With `back`, leaves the gradient
  /// of the normed hidden states in `dNormed`.
  func head(_ batch: Batch, _ a: Activations, scale: Float, back: Bool) -> [Float] {
    let d = config.hiddenSize
    let v = config.vocabularySize
    let chunk = Self.logitRows
    if logits.count < chunk * v { logits = FloatBuffer(count: chunk * v) }
    if rows.count < chunk * d {
      rows = FloatBuffer(count: chunk * d)
      dRows = FloatBuffer(count: chunk * d)
    }
    if back { a.dNormed.pointer.update(repeating: 0, count: batch.count * d) }
    var losses = [Float](repeating: 0, count: batch.lossRows.count)
    var first = 0
    while first < batch.lossRows.count {
      let count = min(chunk, batch.lossRows.count - first)
      for i in 0..<count {
        (rows.pointer + i * d).update(
          from: a.hidden.pointer + Int(batch.lossRows[first + i]) * d, count: d)
      }
      packed.head.forward.multiply(rows.pointer, rows: count, rowStride: d, into: logits.pointer)
      losses.withUnsafeMutableBufferPointer { all in
        batch.targets.withUnsafeBufferPointer { targets in
          guard let out = all.baseAddress, let wanted = targets.baseAddress else { return }
          Kernels.crossEntropy(
            logits: logits.pointer, losses: out + first, targets: wanted + first, n: count, v: v,
            scale: back ? scale : 0)
        }
      }
      if back {
        packed.head.backward?.multiply(
          logits.pointer, rows: count, rowStride: v, into: dRows.pointer)
        for i in 0..<count {
          (a.dNormed.pointer + Int(batch.lossRows[first + i]) * d).update(
            from: dRows.pointer + i * d, count: d)
        }
        if training == .everything {
          let name = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
          space.multiply(
            logits.pointer, rows: v, rowStride: 1, columnStride: v, by: rows.pointer, k: count,
            n: d, bRowStride: d, into: gradient.pointer + model.layout.offset(name),
            accumulate: true)
        }
      }
      first += count
    }
    return losses
  }
}

import Formats
import Kernels

/// Stores what the output matrix reads and writes for a piece of a batch.
struct HeadRoom {
  /// [rows, vocabulary].
  var logits = FloatBuffer(count: 0)
  /// Hidden states of the rows, [rows, d], and their gradient.
  var rows = NumberBuffer(count: 0, type: .f32)
  var dRows = FloatBuffer(count: 0)
}

extension Network {
  /// Rows whose logits are computed at a time, so that no [n, vocabulary] matrix exists: at most
  /// about 160 MB of logits, but enough rows that reading the output matrix pays; all pieces alike.
  private func logitRows(of count: Int) -> Int {
    let most = max(96, (40 << 20) / config.vocabularySize)
    let pieces = max(1, (count + most - 1) / most)
    return max(1, (count + pieces - 1) / pieces)
  }

  /// Computes the sum of −log p over the batch's loss rows, without gradients.
  public func loss(_ batch: Batch) -> Double {
    losses(batch).reduce(0) { $0 + Double($1) }
  }

  /// −log p of each loss row's target, in order.
  public func losses(_ batch: Batch) -> [Float] {
    guard batch.count > 0 else { return [] }
    let a = forward(batch, back: false)
    return lossOfHead(batch, a, scale: 0, back: false)
  }

  /// −log p of each loss row's target, and the logits of chosen rows, [rows, vocabulary], from one
  /// pass.
  public func losses(
    _ batch: Batch, logitsOf rows: [Int]
  ) -> (losses: [Float], logits: [Float]) {
    guard batch.count > 0 else { return ([], []) }
    let a = forward(batch, back: false)
    return (lossOfHead(batch, a, scale: 0, back: false), logits(a, rows: rows).floats)
  }

  /// The logits of chosen rows, [rows, vocabulary].
  public func logits(_ batch: Batch, rows chosen: [Int]) -> [Float] {
    logits(forward(batch, back: false), rows: chosen).floats
  }

  func logits(_ a: Activations, rows chosen: [Int]) -> FloatBuffer {
    let d = config.hiddenSize
    let v = config.vocabularySize
    let picked = NumberBuffer(count: chosen.count * d, type: precision.type)
    let size = precision.type.bytes(d)
    for (i, row) in chosen.enumerated() {
      picked.pointer(at: i * d).copyMemory(from: a.hidden.pointer(at: row * d), byteCount: size)
    }
    let result = FloatBuffer(count: chosen.count * v)
    Kernels.product(
      [Term(picked.matrix(columns: d), model.output.transposed, k: d)], m: chosen.count, n: v,
      precision: precision, into: result.pointer)
    return result
  }

  /// Adds the gradient of scale · Σ −log p to `gradient`.
  /// - Returns: Σ −log p.
  public func lossAndGradient(_ batch: Batch, scale: Float) -> Double {
    guard batch.count > 0 else { return 0 }
    let a = forward(batch, back: true)
    let losses = lossOfHead(batch, a, scale: scale, back: true)
    backward(batch, a)
    return losses.reduce(0) { $0 + Double($1) }
  }

  /// Goes through the output matrix for the rows that carry loss. With `back`, leaves the gradient
  /// of the normed hidden states in `dHidden`.
  private func lossOfHead(_ batch: Batch, _ a: Activations, scale: Float, back: Bool) -> [Float] {
    let d = config.hiddenSize
    let v = config.vocabularySize
    let chunk = logitRows(of: batch.lossRows.count)
    if head.logits.count < chunk * v { head.logits = FloatBuffer(count: chunk * v) }
    if head.dRows.count < chunk * d || head.rows.type != precision.type {
      head.rows = NumberBuffer(count: chunk * d, type: precision.type)
      head.dRows = FloatBuffer(count: chunk * d)
    }
    let (logits, rows, dRows) = (head.logits, head.rows, head.dRows)
    if back { a.dHidden.pointer.update(repeating: 0, count: batch.count * d) }
    var losses = [Float](repeating: 0, count: batch.lossRows.count)
    let size = precision.type.bytes(d)
    var first = 0
    while first < batch.lossRows.count {
      let count = min(chunk, batch.lossRows.count - first)
      for i in 0..<count {
        rows.pointer(at: i * d).copyMemory(
          from: a.hidden.pointer(at: Int(batch.lossRows[first + i]) * d), byteCount: size)
      }
      let picked = rows.matrix(columns: d)
      Kernels.product(
        [Term(picked, model.output.transposed, k: d)], m: count, n: v, precision: precision,
        into: logits.pointer)
      losses.withUnsafeMutableBufferPointer { all in
        batch.targets.withUnsafeBufferPointer { targets in
          guard let out = all.baseAddress, let wanted = targets.baseAddress else { return }
          Kernels.crossEntropy(
            logits: logits.pointer, losses: out + first, targets: wanted + first, n: count, v: v,
            scale: back ? scale : 0)
        }
      }
      if back {
        let dLogits = Matrix(logits.pointer, stride: v)
        Kernels.product(
          [Term(dLogits, model.output.matrix, k: v)], m: count, n: d, precision: precision,
          into: dRows.pointer)
        for i in 0..<count {
          (a.dHidden.pointer + Int(batch.lossRows[first + i]) * d).update(
            from: dRows.pointer + i * d, count: d)
        }
        if training == .everything {
          let name = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
          Kernels.product(
            [Term(dLogits.transposed, picked, k: count)], m: v, n: d, precision: precision,
            into: gradient.pointer + model.layout.offset(name), accumulate: true)
        }
      }
      first += count
    }
    return losses
  }
}

import Kernels

/// Prints what every kernel computes on odd sizes, to the bit, with the variant that PLM_KERNELS
/// names: a program of its own, because a variant is chosen once for a process.
@main enum KernelProbe {
  static func main() {
    Kernels.threads = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1
    print("variant \(Kernels.variant)")
    for (name, values) in everything() {
      let bits = values.map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
      print("\(name.replacing(" ", with: "_")) \(bits)")
    }
  }

  /// Numbers that differ, of size about one.
  private static func numbers(_ count: Int, _ step: Int) -> FloatBuffer {
    FloatBuffer((0..<count).map { Float(($0 * step) % 29 - 14) / 14 })
  }

  /// Runs every kernel on odd sizes; returns all that they computed.
  private static func everything() -> [(name: String, values: [Float])] {
    var results: [(String, [Float])] = []
    for (m, n, k) in [(1, 7, 5), (2, 70, 33), (5, 31, 300), (13, 97, 64), (200, 130, 257)] {
      let a = numbers(m * k, 7)
      let b = numbers(k * n, 11)
      let c = numbers(m * n, 3)
      let packed = PackedMatrix(k: k, n: n)
      packed.pack(b.pointer, rowStride: n, columnStride: 1)
      packed.multiply(a.pointer, rows: m, rowStride: k, into: c.pointer, accumulate: true)
      results.append(("product \(m)×\(n)×\(k)", c.floats))
      packed.pack(b.pointer, rowStride: 1, columnStride: k)
      packed.multiply(a.pointer, rows: m, rowStride: 1, columnStride: m, into: c.pointer)
      results.append(("transposed product \(m)×\(n)×\(k)", c.floats))
    }
    let (n, d) = (37, 45)
    let x = numbers(n * d, 13)
    let w = numbers(d, 5)
    let y = FloatBuffer(count: n * d)
    let inverse = FloatBuffer(count: n)
    Kernels.rmsNorm(
      into: y.pointer, inverseRMS: inverse.pointer, x.pointer, weight: w.pointer, n: n, d: d,
      epsilon: 1e-5)
    results.append(("norm", y.floats + inverse.floats))
    let dx = numbers(n * d, 3)
    let dw = FloatBuffer(count: d)
    Kernels.rmsNormBackward(
      dx: dx.pointer, dw: dw.pointer, dy: y.pointer, x: x.pointer, weight: w.pointer,
      inverseRMS: inverse.pointer, n: n, d: d)
    results.append(("norm backward", dx.floats + dw.floats))

    let up = numbers(n * d, 17)
    Kernels.swiglu(into: y.pointer, gate: x.pointer, up: up.pointer, count: n * d)
    results.append(("swiglu", y.floats))
    let dGate = FloatBuffer(count: n * d)
    let dUp = FloatBuffer(count: n * d)
    Kernels.swigluBackward(
      dgate: dGate.pointer, dup: dUp.pointer, dy: y.pointer, gate: x.pointer, up: up.pointer,
      count: n * d)
    results.append(("swiglu backward", dGate.floats + dUp.floats))

    let logits = numbers(n * d, 19)
    Kernels.scale(logits.pointer, by: 20, count: n * d)
    let losses = FloatBuffer(count: n)
    Kernels.crossEntropy(
      logits: logits.pointer, losses: losses.pointer,
      targets: (0..<n).map { Int32($0 % d) }, n: n, v: d, scale: 0.25)
    results.append(("cross-entropy", losses.floats + logits.floats))

    let m1 = numbers(n * d, 23)
    let v1 = FloatBuffer(count: n * d)
    let weights = numbers(n * d, 7)
    AdamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1).update(
      weights.pointer, m: m1.pointer, v: v1.pointer, gradient: x.pointer, count: n * d, step: 3,
      learningRate: 1e-2, gradientScale: 0.5, decays: true)
    results.append(("adamw", weights.floats + m1.floats + v1.floats))
    results.append(("squares", [Float(Kernels.sumOfSquares(x.pointer, count: n * d))]))
    Kernels.dropout(into: y.pointer, x.pointer, p: 0.3, seed: 9, count: n * d)
    results.append(("dropout", y.floats))
    return results + attention(channels: 10) + attention(channels: 70)
  }

  private static func attention(channels c: Int) -> [(name: String, values: [Float])] {
    let starts: [Int32] = [0, 1, 60, 60, 163]
    let shape = AttentionShape(heads: 4, groups: 2, channels: c)
    let n = 163
    let q = numbers(n * 4 * c, 7)
    let k = numbers(n * 2 * c, 11)
    let v = numbers(n * 2 * c, 13)
    let table = RopeTable(positions: 110, channels: c, theta: 10000)
    let positions = (0..<n).map { Int32($0 % 103) }
    Kernels.rope(q.pointer, table: table, positions: positions, n: n, heads: 4)
    let o = FloatBuffer(count: n * 4 * c)
    let logSum = FloatBuffer(count: n * 4)
    Kernels.attention(
      into: o.pointer, logSum: logSum.pointer, q: q.pointer, k: k.pointer, v: v.pointer,
      starts: starts, shape: shape)
    let (dq, dk, dv) = (
      FloatBuffer(count: n * 4 * c), FloatBuffer(count: n * 2 * c),
      FloatBuffer(count: n * 2 * c)
    )
    Kernels.attentionBackward(
      dq: dq.pointer, dk: dk.pointer, dv: dv.pointer, do: q.pointer, o: o.pointer,
      logSum: logSum.pointer, q: q.pointer, k: k.pointer, v: v.pointer, starts: starts,
      shape: shape)
    let last = FloatBuffer(count: 4 * c)
    Kernels.attentionDecode(
      into: last.pointer, q: q.pointer + 162 * 4 * c, keys: [Floats(k.pointer) + 60 * 2 * c],
      values: [Floats(v.pointer) + 60 * 2 * c], lengths: [103], shape: shape)
    return [
      ("rope \(c)", q.floats), ("attention \(c)", o.floats + logSum.floats),
      ("attention backward \(c)", dq.floats + dk.floats + dv.floats), ("decode \(c)", last.floats),
      ("decode less the last row \(c)", zip(last.floats, o.floats.suffix(4 * c)).map { $0 - $1 }),
    ]
  }
}

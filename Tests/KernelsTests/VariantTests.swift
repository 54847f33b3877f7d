import Kernels
import Testing

/// Every variant of every kernel against the scalar one, and against one thread.
@Suite(.serialized) struct VariantTests {
  static let variants = ["avx512", "avx2", "neon"].filter { name in
    defer { _ = Kernels.use(variant: "scalar") }
    return Kernels.use(variant: name)
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
    return results + attention()
  }

  private static func attention() -> [(name: String, values: [Float])] {
    let starts: [Int32] = [0, 1, 60, 60, 163]
    let shape = AttentionShape(heads: 4, groups: 2, channels: 10)
    let n = 163
    let q = numbers(n * 40, 7)
    let k = numbers(n * 20, 11)
    let v = numbers(n * 20, 13)
    let table = RopeTable(positions: 110, channels: 10, theta: 10000)
    let positions = (0..<n).map { Int32($0 % 103) }
    Kernels.rope(q.pointer, table: table, positions: positions, n: n, heads: 4)
    let o = FloatBuffer(count: n * 40)
    let logSum = FloatBuffer(count: n * 4)
    Kernels.attention(
      into: o.pointer, logSum: logSum.pointer, q: q.pointer, k: k.pointer, v: v.pointer,
      starts: starts, shape: shape)
    let (dq, dk, dv) = (
      FloatBuffer(count: n * 40), FloatBuffer(count: n * 20), FloatBuffer(count: n * 20)
    )
    Kernels.attentionBackward(
      dq: dq.pointer, dk: dk.pointer, dv: dv.pointer, do: q.pointer, o: o.pointer,
      logSum: logSum.pointer, q: q.pointer, k: k.pointer, v: v.pointer, starts: starts,
      shape: shape)
    let last = FloatBuffer(count: 40)
    Kernels.attentionDecode(
      into: last.pointer, q: q.pointer + 162 * 40, keys: [Floats(k.pointer) + 60 * 20],
      values: [Floats(v.pointer) + 60 * 20], lengths: [103], shape: shape)
    return [
      ("rope", q.floats), ("attention", o.floats + logSum.floats),
      ("attention backward", dq.floats + dk.floats + dv.floats), ("decode", last.floats),
      ("decode is the last row", zip(last.floats, o.floats.suffix(40)).map { $0 - $1 }),
    ]
  }

  @Test(arguments: variants)
  func `a variant computes what the scalar one does`(variant: String) {
    let before = Kernels.variant
    defer { _ = Kernels.use(variant: before) }
    #expect(Kernels.use(variant: "scalar"))
    let expected = Self.everything()
    #expect(Kernels.use(variant: variant))
    for (wanted, got) in zip(expected, Self.everything()) {
      let size = wanted.values.reduce(1) { max($0, abs($1)) }
      let difference = zip(wanted.values, got.values).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(difference <= 3e-6 * size, "\(wanted.name)")
    }
  }

  @Test(arguments: variants + ["scalar"])
  func `results do not depend on the number of threads`(variant: String) {
    let before = (Kernels.variant, Kernels.threads)
    defer {
      _ = Kernels.use(variant: before.0)
      Kernels.threads = before.1
    }
    #expect(Kernels.use(variant: variant))
    Kernels.threads = 1
    let expected = Self.everything()
    for threads in [2, 3, 5] {
      Kernels.threads = threads
      for (wanted, got) in zip(expected, Self.everything()) {
        #expect(wanted.values.map(\.bitPattern) == got.values.map(\.bitPattern), "\(wanted.name)")
      }
    }
  }

  @Test func `a row's product does not depend on the rows beside it`() {
    let (n, k) = (100, 70)
    let a = Self.numbers(30 * k, 7)
    let packed = PackedMatrix(k: k, n: n)
    packed.pack(Self.numbers(k * n, 11).pointer, rowStride: n, columnStride: 1)
    let all = FloatBuffer(count: 30 * n)
    packed.multiply(a.pointer, rows: 30, rowStride: k, into: all.pointer)
    for row in 0..<30 {
      let one = FloatBuffer(count: n)
      packed.multiply(a.pointer + row * k, rows: 1, rowStride: k, into: one.pointer)
      #expect(one.floats == Array(all.floats[row * n..<(row + 1) * n]))
    }
  }
}

import Kernels
import TestKit
import Testing

/// Every variant of every kernel against the scalar one, and against one thread. Each runs in a
/// process of its own: see Tests/KernelProbe.
@Suite struct VariantTests {
  /// What the probe computed, in its order.
  struct Output {
    let variant: String
    let results: [(name: String, values: [Float])]
  }

  private func probe(_ variant: String, threads: Int) throws -> Output {
    let program = try #require(Places.executable("kernel-probe"))
    let result = try Program.run(program, ["\(threads)"], environment: ["PLM_KERNELS": variant])
    try #require(result.exitCode == 0, "\(result.errors)")
    var lines = result.output.split(separator: "\n")
    let first = lines.removeFirst()
    return Output(
      variant: String(first.dropFirst("variant ".count)),
      results: lines.map { line in
        let words = line.split(separator: " ")
        return (
          String(words[0]),
          words.dropFirst().map { Float(bitPattern: UInt32($0, radix: 16) ?? .max) }
        )
      })
  }

  static let variants = ["avx512", "avx2", "neon"]

  @Test(arguments: variants)
  func `a variant computes what the scalar one does`(variant: String) throws {
    let got = try probe(variant, threads: 2)
    // A processor without the variant says so by running the scalar one: nothing to compare.
    guard got.variant == variant else { return }
    let expected = try probe("scalar", threads: 1)
    #expect(expected.variant == "scalar")
    #expect(expected.results.count == got.results.count && got.results.count > 20)
    for (wanted, got) in zip(expected.results, got.results) {
      let size = wanted.values.reduce(1) { max($0, abs($1)) }
      let difference = zip(wanted.values, got.values).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(difference <= 3e-6 * size, "\(wanted.name)")
      #expect(wanted.values.count == got.values.count)
      if wanted.name.hasPrefix("decode_less") {
        #expect(got.values.allSatisfy { abs($0) < 1e-5 }, "\(wanted.name)")
      }
    }
  }

  @Test(arguments: variants + ["scalar"])
  func `results do not depend on the number of threads`(variant: String) throws {
    let expected = try probe(variant, threads: 1)
    for threads in [2, 3, 5] {
      for (wanted, got) in zip(expected.results, try probe(variant, threads: threads).results) {
        #expect(wanted.values.map(\.bitPattern) == got.values.map(\.bitPattern), "\(wanted.name)")
      }
    }
  }

  @Test func `an unknown variant falls back to scalar`() throws {
    #expect(try probe("abacus", threads: 1).variant == "scalar")
  }

  @Test func `a row's product does not depend on the rows beside it`() {
    let (n, k) = (100, 70)
    func numbers(_ count: Int, _ step: Int) -> FloatBuffer {
      FloatBuffer((0..<count).map { Float(($0 * step) % 29 - 14) / 14 })
    }
    let a = numbers(30 * k, 7)
    let packed = PackedMatrix(k: k, n: n)
    packed.pack(numbers(k * n, 11).pointer, rowStride: n, columnStride: 1)
    let all = FloatBuffer(count: 30 * n)
    packed.multiply(a.pointer, rows: 30, rowStride: k, into: all.pointer)
    for row in 0..<30 {
      let one = FloatBuffer(count: n)
      packed.multiply(a.pointer + row * k, rows: 1, rowStride: k, into: one.pointer)
      #expect(one.floats == Array(all.floats[row * n..<(row + 1) * n]))
    }
  }
}

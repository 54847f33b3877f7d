import Foundation
import TestKit
import Testing

/// Every variant of every kernel against the scalar one, that one against plain loops, and all of
/// them on several threads. Each runs in a process of its own: see Tests/KernelProbe.
@Suite struct VariantTests {
  static let variants = ["amx", "avx512bf16", "avx512", "avx2", "neon", "amx-emulated"]

  /// What everything is compared with.
  private static let scalar = Result { try KernelProbe.run("scalar", threads: 1) }

  @Test(arguments: variants)
  func `a variant computes what the scalar one does`(variant: String) throws {
    guard try KernelProbe.isHere(variant) else { return }
    let got = try KernelProbe.run(variant, threads: 2)
    #expect(got.variant == variant)
    try compare(got, with: Self.scalar.get())
  }

  @Test func `the scalar variant computes what plain loops do`() throws {
    let scalar = try Self.scalar.get()
    #expect(scalar.variant == "scalar")
    // Differences that must be 0, and errors against the plain loops, are results of their own.
    try compare(scalar, with: scalar)
  }

  @Test(arguments: variants + ["scalar"])
  func `results do not depend on the number of threads`(variant: String) throws {
    guard try KernelProbe.isHere(variant) else { return }
    let expected = try KernelProbe.run(variant, threads: 1)
    for threads in [2, 3, 5] {
      let got = try KernelProbe.run(variant, threads: threads)
      if got.text == expected.text { continue }
      let (wanted, results) = (try expected.results, try got.results)
      #expect(wanted.count == results.count)
      for (wanted, got) in zip(wanted, results) where wanted.bits != got.bits {
        Issue.record("\(wanted.name) is another with \(threads) threads")
      }
    }
  }

  @Test func `whole numbers have the same bits with AVX2 and with AVX-512`() throws {
    guard try KernelProbe.isHere("avx2"), try KernelProbe.isHere("avx512") else { return }
    let avx2 = try KernelProbe.run("avx2", threads: 2)
    let avx512 = try KernelProbe.run("avx512", threads: 2)
    var count = 0
    for (a, b) in zip(try avx2.results, try avx512.results)
    where a.name.contains("level") && !a.name.contains("q8_0") {
      count += 1
      #expect(a.name == b.name && a.bits == b.bits, "\(a.name) differs")
    }
    #expect(count > 500)
  }

  @Test func `an unknown variant falls back to scalar`() throws {
    #expect(try KernelProbe.run("abacus").variant == "scalar")
  }

  @Test func `without memory a process aborts, or exits as its program says`() throws {
    let program = try #require(Places.executable("kernel-probe"))
    for (code, ending) in [("0", 128 + SIGABRT), ("75", 75)] {
      let result = try Program.run(program, ["without-memory", code])
      #expect(result.exitCode == ending && result.errors.contains("out of memory"))
    }
  }

  @Test(.enabled(if: Emulator.isPresent, "\(Emulator.reason)"))
  func `the NEON variant computes the same on an emulated processor`() throws {
    let result = try Program.run(Emulator.script, ["2"], environment: ["PLM_KERNELS": "neon"])
    try #require(result.exitCode == 0, "\(result.errors)")
    let got = try KernelProbe(result.output)
    #expect(got.variant == "neon")
    try compare(got, with: Self.scalar.get())
  }

  /// Holds each result to what its kind (see probe.h) promises.
  private func compare(_ got: KernelProbe, with scalar: KernelProbe) throws {
    let (expected, results) = (try scalar.results, try got.results)
    #expect(expected.map(\.name) == results.map(\.name))
    #expect(results.count > 500)
    for (wanted, got) in zip(expected, results) {
      #expect(wanted.bits.count == got.bits.count && !got.bits.isEmpty, "\(got.name)")
      guard let bound = Bound(kind: String(got.name.prefix { $0 != "/" })) else {
        Issue.record("\(got.name) is of no known kind")
        continue
      }
      if let problem = bound.problem(wanted: wanted.bits, got: got.bits) {
        Issue.record("\(got.name): \(problem)")
      }
    }
  }
}

/// How far a result may be from the scalar variant's.
private enum Bound {
  /// Equal to the bit, and 0 if that is what it must be.
  case equal, zero
  /// Relative to the largest number of the result or to 1, and to each number itself.
  case near(size: Float, each: Float)
  /// A measured error, at most this.
  case error(Float)

  init?(kind: String) {
    // Sums of f32 in another order, of factors that are rounded alike in all variants.
    let order: Float = 3e-6
    switch kind {
    case "same": self = .equal
    case "zero": self = .zero
    case "f32": self = .near(size: order, each: 0)
    // Sums on two sides of a middle round to neighbours: at most 2^-7 of the smaller apart.
    case "bf16": self = .near(size: order, each: 0x1p-7)
    // A factor's rounding to bf16 errs by 2^-8 of it at most: and so does a sum of such factors.
    case "mixed": self = .near(size: 0x1p-8, each: 0)
    // The longest sums are of 8192 products, one after another: each addition errs by 2^-24 of
    // the sum so far at most, and some of that cancels.
    case "error-f32": self = .error(1e-5)
    case "error-mixed": self = .error(0x1p-8)
    default: return nil
    }
  }

  /// What is wrong; nil if nothing is.
  func problem(wanted: [UInt32], got: [UInt32]) -> String? {
    switch self {
    case .equal: return wanted == got ? nil : "differs from the scalar variant's bits"
    case .zero: return got.allSatisfy { $0 == 0 } ? nil : "is not 0"
    case .error(let bound):
      let worst = got.map(Float.init(bitPattern:)).reduce(0) { $1 <= $0 ? $0 : $1 }
      return worst <= bound ? nil : "is off by \(worst) of the size"
    case .near(let relative, let each):
      var size: Float = 1
      for bits in wanted { size = max(size, abs(Float(bitPattern: bits))) }
      for index in wanted.indices where wanted[index] != got[index] {
        let (wanted, got) = (Float(bitPattern: wanted[index]), Float(bitPattern: got[index]))
        guard abs(wanted - got) <= relative * size + each * abs(wanted) else {
          return "number \(index) is \(got), not \(wanted); the largest is \(size)"
        }
      }
      return nil
    }
  }
}

/// What the probe printed.
private struct KernelProbe {
  struct Unreadable: Error {
    let line: String
  }

  let variant: String
  let text: String

  init(_ output: String) throws {
    let start = "variant "
    try #require(output.hasPrefix(start), "\(output.prefix(100))")
    variant = String(output.dropFirst(start.count).prefix { $0 != "\n" })
    text = String(output.dropFirst(start.count + variant.count + 1))
  }

  /// Whether this processor has a variant; without it the scalar one runs in its stead, and there
  /// is nothing to compare.
  static func isHere(_ variant: String) throws -> Bool { try run(variant).variant == variant }

  /// - Parameter threads: how many compute; with nil nothing is computed, and the variant told.
  static func run(_ variant: String, threads: Int? = nil) throws -> KernelProbe {
    let program = try #require(Places.executable("kernel-probe"))
    let result = try Program.run(
      program, threads.map { ["\($0)"] } ?? [], environment: ["PLM_KERNELS": variant])
    try #require(result.exitCode == 0, "\(result.errors)")
    return try KernelProbe(result.output)
  }

  /// The lines' names, and their numbers' bits. There are a million numbers: the C library reads
  /// them, for a debug build takes a minute for what it does in a tenth of a second.
  var results: [(name: String, bits: [UInt32])] {
    get throws {
      try text.withCString { start in
        var results: [(name: String, bits: [UInt32])] = []
        var place = start
        while place.pointee != 0 {
          let length = strcspn(place, " \n")
          let name = String(
            decoding: UnsafeRawBufferPointer(start: place, count: length), as: UTF8.self)
          place += length
          var bits: [UInt32] = []
          while place.pointee == CChar(bitPattern: UInt8(ascii: " ")) {
            var end: UnsafeMutablePointer<CChar>?
            bits.append(UInt32(truncatingIfNeeded: strtoul(place, &end, 16)))
            place = UnsafePointer(try #require(end))
          }
          guard place.pointee == CChar(bitPattern: UInt8(ascii: "\n")) else {
            throw Unreadable(line: name)
          }
          place += 1
          results.append((name, bits))
        }
        return results
      }
    }
  }
}

/// An emulated aarch64 processor, and the tools to compile for it, where they are installed.
private enum Emulator {
  static let script = Places.root + "/Tests/KernelProbe/aarch64.sh"

  /// Why there is none; nil if there is one.
  private static let problem: String? = {
    #if arch(arm64)
      return "the processor has NEON itself"
    #else
      guard let result = try? Program.run(script, ["--check"]) else { return "no shell" }
      return result.exitCode == 0 ? nil : result.errors
    #endif
  }()

  static var isPresent: Bool { problem == nil }
  static var reason: String { problem ?? "" }
}

import Foundation
import Kernels
import Testing

@Suite struct ElementaryTests {
  @Test func `our exp, log and cos agree with the C library`() {
    for i in -4000...4000 {
      let x = Double(i) / 100
      #expect(abs(Kernels.exp(x) / exp(x) - 1) < 1e-14)
      #expect(abs(Kernels.cos(x) - cos(x)) < 1e-14)
      if x > 0 { #expect(abs(Kernels.log(x) - log(x)) < 1e-14) }
    }
    #expect(Kernels.exp(-1000) == 0)
    #expect(Kernels.exp(1000) == .infinity)
  }

  @Test(arguments: [0, 1, 40_000])
  func `the largest size is found wherever it is, and what is no number tells`(place: Int) {
    var numbers = (0..<50_000).map { Float($0 % 7) - 3 }
    func largest() -> Float {
      numbers.withUnsafeBufferPointer { Kernels.largestSize($0.baseAddress!, count: $0.count) }
    }
    #expect(largest() == 3)
    numbers[place] = -70_000
    #expect(largest() == 70_000)
    numbers[place] = -.infinity
    #expect(largest() == .infinity)
    numbers[place] = .nan
    #expect(largest().isNaN)
  }
}

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
}

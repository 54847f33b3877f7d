import Formats
import Testing

/// Conversions between floats of 32 and 16 bits.
struct HalfPrecisionTests {
  @Test func `every half survives the way to a float and back`() {
    for bits in UInt16.min...UInt16.max {
      let value = HalfPrecision.float(bits)
      if value.isNaN {
        #expect(bits & 0x7fff > 0x7c00)
      } else {
        #expect(HalfPrecision.bits(value) == bits)
      }
    }
  }

  @Test(
    arguments: [
      (0x0000, 0), (0x3c00, 1), (0xc000, -2), (0x7bff, 65504), (0x7c00, .infinity),
      (0x0001, 0x1p-24), (0x03ff, 0x1.ff8p-15), (0x0400, 0x1p-14), (0x3555, 0x1.554p-2),
    ] as [(UInt16, Float)])
  func `known halves have known values`(bits: UInt16, value: Float) {
    #expect(HalfPrecision.float(bits) == value)
  }

  @Test(
    arguments: [
      (0x1.002p0, 0x3c00), (0x1.006p0, 0x3c02), (0x1.002002p0, 0x3c01),  // ties to even, then above
      (65519.996, 0x7bff), (65520, 0x7c00), (0x1p-25, 0x0000), (0x1.8p-24, 0x0002),
      (0x1.000002p-25, 0x0001), (0x1.ffbp-15, 0x03ff), (0x1.ffcp-15, 0x0400), (0x1.ffep-15, 0x0400),
    ] as [(Float, UInt16)])
  func `a float becomes the nearest half, ties to even`(value: Float, bits: UInt16) {
    #expect(HalfPrecision.bits(value) == bits)
    #expect(HalfPrecision.bits(-value) == bits | 0x8000)
  }

  @Test(
    arguments: [
      (0x1p0, 0x3f80), (0x1.01p0, 0x3f80), (0x1.03p0, 0x3f82), (0x1.010002p0, 0x3f81),
      (.infinity, 0x7f80), (.greatestFiniteMagnitude, 0x7f80), (0, 0),
    ] as [(Float, UInt16)])
  func `a float becomes the nearest bfloat16, ties to even`(value: Float, bits: UInt16) {
    #expect(BrainFloat.bits(value) == bits)
  }

  @Test func `what is no number stays none`() {
    #expect(HalfPrecision.float(HalfPrecision.bits(.nan)).isNaN)
    #expect(BrainFloat.float(BrainFloat.bits(.nan)).isNaN)
    #expect(HalfPrecision.float(HalfPrecision.bits(Float(bitPattern: 0x7f80_0001))).isNaN)
  }
}

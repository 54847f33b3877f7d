import Kernels

extension Quantize {
  static var refusedKernels: String? { Kernels.refusedVariant }
}

import Kernels

extension Synthesize {
  static var refusedKernels: String? { Kernels.refusedVariant }
}

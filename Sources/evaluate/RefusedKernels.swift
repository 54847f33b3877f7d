import Kernels

extension Evaluate {
  static var refusedKernels: String? { Kernels.refusedVariant }
}

import Kernels

extension Train {
  static var refusedKernels: String? { Kernels.refusedVariant }
}

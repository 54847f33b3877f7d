import Kernels

extension Initialize {
  static var refusedKernels: String? { Kernels.refusedVariant }
}

internal import CKernels

/// Says which kernels run, and on how many threads.
public enum Kernels {
  /// The variant in use: `avx512`, `avx2`, `neon` or `scalar`; `PLM_KERNELS` forces one.
  public static var variant: String { String(cString: plm_variant()) }

  /// The variant that `PLM_KERNELS` asks for and this processor lacks, if any.
  public static var refusedVariant: String? {
    plm_variant_refused().map { String(cString: $0) }
  }

  /// How many threads share the work; set to 0 for one per processor. Never changes a result.
  public static var threads: Int {
    get { Int(plm_threads()) }
    set { plm_set_threads(Int32(clamping: newValue)) }
  }

  /// Lets the process exit with a code where memory for scratch space cannot be had; it aborts if
  /// nobody says so. A program's to choose: a library does not end the app that it is part of.
  public static func exitWithoutMemory(code: Int32) { plm_exit_without_memory(code) }
}

import Dispatch

/// Does two things at the same time, and returns when both are done.
/// - Parameters: two closures of which neither changes what the other reads or changes.
func inParallel(_ one: () -> Void, _ other: () -> Void) {
  // Each closure is called once, on one thread, and not after this returns; that they share nothing
  // that changes is what they are asked for above.
  nonisolated(unsafe) let both = (one, other)
  DispatchQueue.concurrentPerform(iterations: 2) { side in
    if side == 0 { both.0() } else { both.1() }
  }
}

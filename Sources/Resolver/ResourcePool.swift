/// Deals out cores and memory to the actions that run at the same time, first come first served.
actor ResourcePool {
  private let cores: Int
  private let memory: Int
  private var freeCores: Int
  private var freeMemory: Int
  private var waiters: [Waiter] = []

  private struct Waiter {
    let request: Request
    let continuation: CheckedContinuation<Grant, Never>
  }

  /// What an action asks for.
  struct Request: Sendable {
    var cores: Int
    var memory: Int
    /// Whether more cores than asked for would be of use.
    var elastic: Bool
  }

  /// What an action has been given, to be given back.
  struct Grant: Sendable {
    let cores: Int
    let memory: Int
  }

  init(cores: Int, memory: Int) {
    self.cores = max(1, cores)
    self.memory = memory
    freeCores = max(1, cores)
    freeMemory = memory
  }

  /// Waits until there is enough; a request for more than there is at all gets all there is.
  func take(_ request: Request) async -> Grant {
    let request = Request(
      cores: min(max(1, request.cores), cores), memory: min(request.memory, memory),
      elastic: request.elastic)
    if waiters.isEmpty, fits(request) { return grant(request) }
    return await withCheckedContinuation { continuation in
      waiters.append(Waiter(request: request, continuation: continuation))
    }
  }

  func giveBack(_ grant: Grant) {
    freeCores += grant.cores
    freeMemory += grant.memory
    while let first = waiters.first, fits(first.request) {
      waiters.removeFirst()
      first.continuation.resume(returning: self.grant(first.request))
    }
  }

  private func fits(_ request: Request) -> Bool {
    request.cores <= freeCores && request.memory <= freeMemory
  }

  private func grant(_ request: Request) -> Grant {
    let more = request.elastic && waiters.isEmpty ? freeCores : request.cores
    let grant = Grant(cores: more, memory: request.memory)
    freeCores -= grant.cores
    freeMemory -= grant.memory
    return grant
  }
}

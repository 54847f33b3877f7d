import Foundation
import Synchronization

/// Keeps stages running between actions, so that the next action of a stage finds it started, and
/// what it has loaded still there.
///
/// As many of a stage run at once as actions of it do. Of those that rest, the ones used longest ago
/// are ended where there are more than `limit`, or where all together may need more memory than the
/// machine has.
final class WorkerPool: Sendable {
  private struct State {
    /// Those that rest, the one used last at the end.
    var idle: [Worker] = []
    /// What those that work may need.
    var memoryInUse = 0
  }

  private let state = Mutex(State())
  private let limit: Int
  private let memory: Int

  /// - Parameters:
  ///   - limit: how many may rest.
  ///   - memory: how much all together may need.
  init(limit: Int, memory: Int) {
    self.limit = limit
    self.memory = memory
  }

  /// Returns the worker of a stage that was used last, or a new one.
  func take(_ stage: String, memory needed: Int, launch: () -> Launch) async -> Worker {
    let (found, surplus) = state.withLock { state in
      let found = state.idle.lastIndex { $0.stage == stage }.map { state.idle.remove(at: $0) }
      state.memoryInUse += found?.memory ?? needed
      return (found, Self.surplus(&state, limit: limit, memory: memory))
    }
    await Self.end(surplus)
    return found ?? Worker(stage: stage, memory: needed, launch: launch())
  }

  /// Takes a worker back that has done its action.
  func giveBack(_ worker: Worker) async {
    await Self.end(
      state.withLock { state in
        state.memoryInUse -= worker.memory
        state.idle.append(worker)
        return Self.surplus(&state, limit: limit, memory: memory)
      })
  }

  /// Ends the resting workers of a stage.
  func retire(_ stage: String) async {
    await Self.end(
      state.withLock { state in
        defer { state.idle.removeAll { $0.stage == stage } }
        return state.idle.filter { $0.stage == stage }
      })
  }

  /// Ends all that rest.
  func close() async {
    await Self.end(
      state.withLock { state in
        defer { state.idle = [] }
        return state.idle
      })
  }

  private static func surplus(_ state: inout State, limit: Int, memory: Int) -> [Worker] {
    var surplus: [Worker] = []
    var needed = state.idle.reduce(state.memoryInUse) { $0 + $1.memory }
    while let oldest = state.idle.first, state.idle.count > limit || needed > memory {
      needed -= oldest.memory
      surplus.append(oldest)
      state.idle.removeFirst()
    }
    return surplus
  }

  private static func end(_ workers: [Worker]) async {
    await withTaskGroup(of: Void.self) { group in
      for worker in workers { group.addTask { await worker.end() } }
    }
  }
}

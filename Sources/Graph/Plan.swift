/// Stores which nodes are wanted, and for whom; each user's part is worked out when asked for.
public struct Plan: Sendable {
  public let pipeline: CheckedPipeline
  /// Positions of the wanted nodes that run once.
  public let global: Set<Int>
  /// Positions of the nodes wanted for every user.
  private let everyone: Set<Int>
  /// What single users need beyond that.
  private let particular: [String: Set<Int>]

  /// Works out what targets need, all that they read included.
  /// - Parameters:
  ///   - targets: everything there is, if empty.
  ///   - over: the users that gather nodes with a list of their own read.
  public init(
    _ pipeline: CheckedPipeline, targets: [Target] = [], over: [String: [String]] = [:]
  ) {
    self.pipeline = pipeline
    var wanted = Demand(pipeline: pipeline, over: over)
    if targets.isEmpty {
      for (position, step) in pipeline.steps.enumerated() {
        if step.scope == .user { wanted.forAll(position) } else { wanted.once(position) }
      }
    }
    for target in targets {
      switch target {
      case .user(let user):
        for (position, step) in pipeline.steps.enumerated() where step.scope == .user {
          wanted.for(user, position)
        }
      case .node(let node):
        guard let position = pipeline.position(of: node) else { continue }
        if pipeline.steps[position].scope == .user {
          wanted.forAll(position)
        } else {
          wanted.once(position)
        }
      case .userNode(let user, let node):
        if let position = pipeline.position(of: node) { wanted.for(user, position) }
      }
    }
    global = wanted.global
    everyone = wanted.everyone
    particular = wanted.particular
  }

  /// Returns the wanted nodes of one user in the order in which they can run.
  public func steps(for user: String) -> [Int] {
    guard let more = particular[user] else { return everyone.sorted() }
    return everyone.union(more).sorted()
  }

  /// Whether anything is wanted of a user.
  public func includes(_ user: String) -> Bool {
    !everyone.isEmpty || particular[user] != nil
  }

  /// Counts the actions of each node, at most, for some users.
  public func counts(users: [String]) -> [String: Int] {
    var counts: [String: Int] = [:]
    for position in global { counts[pipeline.steps[position].name] = 1 }
    for position in everyone { counts[pipeline.steps[position].name] = users.count }
    for user in users {
      for position in particular[user] ?? [] where !everyone.contains(position) {
        counts[pipeline.steps[position].name, default: 0] += 1
      }
    }
    return counts
  }
}

/// Gathers what is wanted, with all that it reads.
private struct Demand {
  let pipeline: CheckedPipeline
  let over: [String: [String]]
  var global: Set<Int> = []
  var everyone: Set<Int> = []
  var particular: [String: Set<Int>] = [:]

  mutating func once(_ position: Int) {
    guard global.insert(position).inserted else { return }
    let step = pipeline.steps[position]
    for upstream in step.upstream {
      if pipeline.steps[upstream].scope != .user {
        once(upstream)
      } else if step.node.over != nil {
        for user in over[step.name] ?? [] { self.for(user, upstream) }
      } else {
        forAll(upstream)
      }
    }
  }

  mutating func forAll(_ position: Int) {
    guard everyone.insert(position).inserted else { return }
    for upstream in pipeline.steps[position].upstream {
      if pipeline.steps[upstream].scope == .user { forAll(upstream) } else { once(upstream) }
    }
  }

  mutating func `for`(_ user: String, _ position: Int) {
    guard particular[user, default: []].insert(position).inserted else { return }
    for upstream in pipeline.steps[position].upstream {
      if pipeline.steps[upstream].scope == .user {
        self.for(user, upstream)
      } else {
        once(upstream)
      }
    }
  }
}

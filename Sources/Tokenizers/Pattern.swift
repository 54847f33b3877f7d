/// Stores a regular expression of Oniguruma's kind, as tokenizer.json holds them, as a program of
/// small steps.
///
/// Only what these files use is known; anything else is an error that names the construct. Matching
/// tries alternatives in order and remembers failures once a match takes long, so that no expression
/// takes time beyond its length times the text's.
struct Pattern: Sendable {
  /// A step; numbers are places in the program.
  enum Step: Sendable {
    /// Takes one character of a set.
    case take(Int)
    case jump(Int)
    /// Tries the first, then the second.
    case either(Int, Int)
    /// Holds where the steps from `from` on match (or don't), taking nothing.
    case look(from: Int, isNegated: Bool, next: Int)
    /// The same for what ends here: one character of a set.
    case lookBack(set: Int, isNegated: Bool)
    /// Matches the steps from `from` on once, and never comes back to them.
    case atomic(from: Int, next: Int)
    case lineStart
    case lineEnd
    case textStart
    case textEnd
    case wordBoundary(isNegated: Bool)
    case done
  }

  let source: String
  var steps: [Step] = []
  var sets: [CharacterSet] = []

  /// - Throws: what of the expression is not known.
  init(_ source: String) throws(PatternError) {
    self.source = source
    var parser = PatternParser(source)
    let node = try parser.parse()
    var compiler = PatternCompiler()
    try compiler.add(node)
    try compiler.add(.done)
    (steps, sets) = (compiler.steps, compiler.sets)
  }
}

/// Says what of an expression is not known.
struct PatternError: Error, Equatable {
  let construct: String
}

/// Stores a part of an expression.
indirect enum PatternNode: Sendable {
  case empty
  case set(CharacterSet)
  case sequence([PatternNode])
  case choice([PatternNode])
  case `repeat`(PatternNode, least: Int, most: Int?, mode: Mode)
  case look(PatternNode, isAhead: Bool, isNegated: Bool)
  case atomic(PatternNode)
  case step(Pattern.Step)

  enum Mode: Sendable {
    case greedy
    case lazy
    case possessive
  }
}

/// Turns parts into steps.
struct PatternCompiler {
  var steps: [Pattern.Step] = []
  var sets: [CharacterSet] = []
  private static let most = 20_000
  /// Parts gone through: repetitions of nothing add no steps, and must end too.
  private var work = 0

  mutating func add(_ step: Pattern.Step) throws(PatternError) {
    steps.append(step)
    guard steps.count <= Self.most else {
      throw PatternError(construct: "repetitions of more than \(Self.most) steps")
    }
  }

  mutating func add(_ node: PatternNode) throws(PatternError) {
    work += 1
    guard work <= 10 * Self.most else {
      throw PatternError(construct: "repetitions of more than \(10 * Self.most) parts")
    }
    switch node {
    case .empty: break
    case .set(let set):
      sets.append(set)
      try add(.take(sets.count - 1))
    case .sequence(let parts): for part in parts { try add(part) }
    case .choice(let branches):
      var ends: [Int] = []
      for (index, branch) in branches.enumerated() {
        guard index < branches.count - 1 else {
          try add(branch)
          break
        }
        let fork = steps.count
        try add(.done)
        try add(branch)
        ends.append(steps.count)
        try add(.done)
        steps[fork] = .either(fork + 1, steps.count)
      }
      for end in ends { steps[end] = .jump(steps.count) }
    case .repeat(let part, let least, let most, let mode):
      if mode == .possessive {
        try add(.atomic(.repeat(part, least: least, most: most, mode: .greedy)))
        return
      }
      for _ in 0..<least { try add(part) }
      guard let most else {
        let place = steps.count
        try add(.done)
        try add(part)
        try add(.jump(place))
        steps[place] = fork(mode, place + 1, steps.count)
        return
      }
      var forks: [Int] = []
      for _ in least..<max(most, least) {
        forks.append(steps.count)
        try add(.done)
        try add(part)
      }
      for place in forks { steps[place] = fork(mode, place + 1, steps.count) }
    case .look(let part, let isAhead, let isNegated):
      guard isAhead else {
        guard case .set(let set) = part else {
          throw PatternError(construct: "a look behind of other than one character")
        }
        sets.append(set)
        try add(.lookBack(set: sets.count - 1, isNegated: isNegated))
        return
      }
      let place = steps.count
      try add(.done)
      try add(part)
      try add(.done)
      steps[place] = .look(from: place + 1, isNegated: isNegated, next: steps.count)
    case .atomic(let part):
      let place = steps.count
      try add(.done)
      try add(part)
      try add(.done)
      steps[place] = .atomic(from: place + 1, next: steps.count)
    case .step(let step): try add(step)
    }
  }

  private func fork(_ mode: PatternNode.Mode, _ inside: Int, _ past: Int) -> Pattern.Step {
    mode == .lazy ? .either(past, inside) : .either(inside, past)
  }
}

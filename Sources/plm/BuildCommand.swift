import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import Resolver

struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Brings targets up to date: a user, a node, USER/NODE, or everything.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "A user, a node (for all users), or USER/NODE; everything if there is none.")
  var targets: [String] = []

  @Option(
    name: [.customShort("j", allowingJoined: true), .long],
    help: "How many cores to use at most (else all).")
  var jobs: Int?

  @Flag(name: .shortAndLong, help: "Goes on with other users when one fails (the default).")
  var keepGoing = false

  @Flag(help: "Ends at the first failure.")
  var failFast = false

  @Flag(help: "Says what would run, and why, without running it.")
  var dryRun = false

  @Option(help: "Runs a node whatever is known of it.")
  var force: [String] = []

  @Flag(help: "Takes new bundles into use even where they are worse on validation texts.")
  var acceptWorse = false

  @Flag(help: "Starts a stage anew for every action, instead of keeping it for those that follow.")
  var noWorkers = false

  @Option(help: "Where stages run: local.")
  var executor = "local"

  mutating func validate() throws {
    if let jobs, !(1...4096).contains(jobs) {
      throw ValidationError("--jobs must be from 1 to 4096")
    }
    if keepGoing && failFast {
      throw ValidationError("--keep-going and --fail-fast exclude each other")
    }
    if executor != "local" {
      throw ValidationError("--executor \(executor) is not there; this plm has: local")
    }
  }

  mutating func run() async throws {
    let (cache, place) =
      dryRun ? try common.openLook() : (try common.openCache(making: true), nil)
    defer { withExtendedLifetime(place) {} }
    let setup = try await common.setUp(cache)
    let targets = try setup.targets(self.targets, user: common.user)
    for node in force where setup.checked.position(of: node) == nil {
      throw UsageProblem("--force \(node): the pipeline has no such node")
    }
    let jobs = jobs ?? ProcessInfo.processInfo.activeProcessorCount
    let printer = ProgressPrinter(
      common.progress, jobs: jobs, means: (try? cache.meanSeconds()) ?? [:])
    // One of each stage may rest, or one for each core: a user's steps change stages all the time.
    let workers = noWorkers ? 0 : max(jobs, setup.stages.count)
    let runner: any Runner = dryRun ? DryRunner() : setup.processRunner(workers: workers)
    let builder = setup.builder(
      targets: targets, runner: runner,
      options: Builder.Options(jobs: jobs, failFast: failFast, force: Set(force)),
      observe: { printer.show($0) })
    let lock = dryRun ? nil : try cache.lock(store: .shared)
    if !dryRun {
      guard lock != nil else { throw StoreInUse() }
      for warning in try PowerCut(cache).check() { printer.show(.warning(warning)) }
      let record = BuildRecord(
        start: .now, pipeline: setup.checked.pipeline.file, users: setup.users.path,
        targets: self.targets, settings: common.settings, boot: PowerCut.boot)
      try cache.record([.build(record)])
    }
    let outcomes = try await Interruption.heeded { try await builder.run() }
    let decisions =
      dryRun ? [] : try CurrentBundle(cache: cache, acceptsWorse: acceptWorse).decide(outcomes)
    withExtendedLifetime(lock) {}
    printer.end()
    let tally = Tally(outcomes)
    let code = Task.isCancelled || Interruption.happened ? Ending.interrupted : tally.exitCode
    report(outcomes, tally, code, damaged: builder.damaged, decisions)
    if code != 0 { throw ExitCode(code) }
  }

  private func report(
    _ outcomes: [Outcome], _ tally: Tally, _ code: Int32, damaged: [Digest],
    _ decisions: [CurrentBundle.Decision]
  ) {
    if common.json {
      Terminal.write(
        [
          "outcomes": .array(outcomes.map(\.json)), "counts": tally.json,
          "exit": .int(Int(code)),
          "damaged": .array(damaged.map { .string($0.description) }),
          "kept": .array(decisions.map(\.json)),
        ] as JSON)
      return
    }
    if dryRun {
      for outcome in outcomes where outcome.status != .fresh {
        Terminal.write("\(outcome.target): \(outcome.words)\n")
        for reason in outcome.reasons { Terminal.write("  \(reason)\n") }
      }
    }
    for outcome in outcomes where outcome.status == .failed {
      Terminal.write("\(outcome.target) failed (exit \(outcome.exit)): \(outcome.message ?? "")\n")
      // What failed before its stage began has printed nothing.
      if outcome.key != nil {
        Terminal.write("  plm log \(outcome.target) shows what it printed\n")
      }
    }
    for decision in decisions { Terminal.write(decision.words + "\n") }
    let users = Set(outcomes.compactMap(\.user)).count
    let who = users == 0 ? "" : users == 1 ? "1 user: " : "\(users) users: "
    Terminal.write("\(who)\(tally.words)\n")
    if !damaged.isEmpty {
      let objects = damaged.count == 1 ? "1 object was" : "\(damaged.count) objects were"
      Terminal.write("\(objects) found damaged; plm history says which\n")
    }
  }
}

/// Says that the store is being cleaned and cannot be built in.
struct StoreInUse: Error, CustomStringConvertible {
  var description: String { "the store is being cleaned by another plm; try again later" }
}

import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import Resolver

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says what is up to date, and what is stale and why, without running anything.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "A user, a node (for all users), or USER/NODE; everything if there is none.")
  var targets: [String] = []

  mutating func run() async throws {
    let (cache, place) = try common.openLook()
    defer { withExtendedLifetime(place) {} }
    let setup = try await common.setUp(cache)
    let outcomes = try await DryLook(setup).outcomes(try setup.targets(targets, user: common.user))
    let tally = Tally(outcomes)
    if common.json {
      Terminal.write(
        ["outcomes": .array(outcomes.map(\.json)), "counts": tally.json] as JSON)
    } else {
      for outcome in outcomes where outcome.status != .fresh {
        Terminal.write("\(outcome.target): \(outcome.staleness)\n")
        for reason in outcome.reasons { Terminal.write("  \(reason)\n") }
        if outcome.status == .failed { Terminal.write("  \(outcome.message ?? "")\n") }
      }
      let users = Set(outcomes.compactMap(\.user)).count
      Terminal.write(
        "\(users) \(users == 1 ? "user" : "users"): \(tally[.fresh]) up to date, \(tally[.planned]) stale, "
          + "\(tally[.adopted]) found in the store\n")
    }
    if tally.exitCode != 0 { throw ExitCode(tally.exitCode) }
  }
}

extension Outcome {
  /// The outcome of a dry run as a state.
  var staleness: String {
    switch status {
    case .fresh: "up to date"
    case .adopted: "an earlier result will be taken up again"
    case .planned: reasons.first?.kind == .neverBuilt ? "not built" : "stale"
    case .failed: "cannot be built"
    case .blocked, .ran, .interrupted: words
    }
  }
}

/// Looks at what a build would do.
struct DryLook {
  private let setup: BuildSetup

  init(_ setup: BuildSetup) { self.setup = setup }

  func outcomes(_ targets: [Target]) async throws -> [Outcome] {
    try await setup.builder(
      targets: targets, runner: DryRunner(),
      options: Builder.Options(jobs: ProcessInfo.processInfo.activeProcessorCount),
      observe: { event in
        if case .warning(let text) = event { Terminal.complain("plm: warning: \(text)") }
      }
    ).run()
  }
}

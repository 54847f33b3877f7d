import ActionCache
import Bytes
import Foundation
import Graph
import Resolver
import Synchronization

/// Shows on standard error how a build goes.
final class ProgressPrinter: Sendable {
  private struct State {
    /// Actions of each node that are still to be settled.
    var remaining: [String: Int] = [:]
    var total = 0
    var settled = 0
    var running: [String: String] = [:]
    /// How often a node ran, how often it was settled, and how long its runs took.
    var ran: [String: Int] = [:]
    var settledByNode: [String: Int] = [:]
    var seconds: [String: Double] = [:]
    var lastDrawn: Timestamp
    var hasLine = false
  }

  private let style: ProgressStyle
  private let jobs: Int
  /// What runs took in earlier builds.
  private let means: [String: Double]
  private let state = Mutex(State(lastDrawn: .now))

  init(_ style: ProgressStyle, jobs: Int, means: [String: Double]) {
    self.style = style == .auto && !Terminal.isInteractive ? .plain : style
    self.jobs = jobs
    self.means = means
  }

  func show(_ event: BuildEvent) {
    guard style != .none else { return }
    state.withLock { state in
      switch event {
      case .planned(let actions, let users):
        state.remaining = actions
        state.total = actions.values.reduce(0, +)
        emit(["event": "planned", "actions": .int(state.total), "users": .int(users)])
      case .started(let node, let user, let reasons):
        let target = UserName.target(user: user, node: node)
        state.running[target] = ""
        emit([
          "event": "started", "target": .string(target), "reasons": .array(reasons.map(\.json)),
        ])
        draw(&state, now: true)
      case .progress(let node, let user, let json):
        let target = UserName.target(user: user, node: node)
        state.running[target] = Self.brief(json)
        emit(["event": "progress", "target": .string(target), "report": json])
        draw(&state, now: false)
      case .finished(let outcome): finish(outcome, &state)
      case .warning(let text):
        emit(["event": "warning", "text": .string(text)])
        say("plm: warning: \(text)", &state)
      }
    }
  }

  /// Wipes the line that was drawn last.
  func end() {
    state.withLock { state in
      if state.hasLine { Terminal.tell("\r\u{1b}[K") }
      state.hasLine = false
    }
  }

  private func finish(_ outcome: Outcome, _ state: inout State) {
    state.running[outcome.target] = nil
    state.settled += 1
    state.remaining[outcome.node, default: 1] -= 1
    state.settledByNode[outcome.node, default: 0] += 1
    if outcome.status == .ran {
      state.ran[outcome.node, default: 0] += 1
      state.seconds[outcome.node, default: 0] += outcome.seconds
    }
    if style == .json {
      var json = outcome.json.objectValue ?? [:]
      json["event"] = "finished"
      json["left_seconds"] = timeLeft(state).map(JSON.double) ?? .null
      emit(.object(json))
    }
    switch outcome.status {
    case .ran:
      if style == .plain {
        let left = timeLeft(state).map { ", \(Terminal.time($0)) left" } ?? ""
        say(
          "[\(state.settled)/\(state.total)] \(outcome.target) ran (\(Terminal.time(outcome.seconds))\(left))",
          &state)
      }
    case .failed:
      say(
        "[\(state.settled)/\(state.total)] \(outcome.target) failed: \(outcome.message ?? "")",
        &state)
    default: break
    }
    draw(&state, now: false)
  }

  /// Estimates from what runs took, here or earlier, and from how many nodes had to run so far.
  private func timeLeft(_ state: State) -> Double? {
    var left = 0.0
    for (node, count) in state.remaining where count > 0 {
      let ran = state.ran[node] ?? 0
      guard let mean = ran > 0 ? (state.seconds[node] ?? 0) / Double(ran) : means[node] else {
        return nil
      }
      let settled = state.settledByNode[node] ?? 0
      left += Double(count) * mean * (settled > 0 ? Double(ran) / Double(settled) : 1)
    }
    return left / Double(max(1, jobs))
  }

  /// Seconds between lines on what is running, where lines are not drawn over.
  private static let plainInterval = 30.0

  /// Draws the line over itself; in plain style, adds one now and then, so that long work is seen to
  /// go on.
  private func draw(_ state: inout State, now: Bool) {
    guard style == .auto || style == .plain else { return }
    let time = Timestamp.now
    let since = time.seconds(since: state.lastDrawn)
    guard style == .auto ? now || since > 0.1 : since > Self.plainInterval else { return }
    state.lastDrawn = time
    let running = state.running.sorted { $0.key < $1.key }.prefix(3).map { target, report in
      report.isEmpty ? target : "\(target) \(report)"
    }.joined(separator: ", ")
    let left = timeLeft(state).map { " · \(Terminal.time($0)) left" } ?? ""
    let line = "[\(state.settled)/\(state.total)] \(running)\(left)"
    guard style == .auto else { return say(line, &state) }
    Terminal.tell("\r\u{1b}[K\(line.prefix(160))")
    state.hasLine = true
  }

  private func say(_ text: String, _ state: inout State) {
    guard style != .json else { return }
    Terminal.tell((state.hasLine ? "\r\u{1b}[K" : "") + text + "\n")
    state.hasLine = false
  }

  private func emit(_ json: JSON) {
    if style == .json { Terminal.tell(json.text + "\n") }
  }

  /// The few numbers of a report that say most.
  private static func brief(_ json: JSON) -> String {
    var words = ["step", "steps", "epoch", "loss", "done", "total"].compactMap { name in
      json[name].map { "\(name) \($0.doubleValue.map { String(format: "%.4g", $0) } ?? $0.text)" }
    }
    if let left = json["seconds_left"]?.doubleValue { words.append("\(Terminal.time(left)) left") }
    return words.joined(separator: " ")
  }
}

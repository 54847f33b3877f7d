import Bytes
import Evaluation
import StageKit

/// Sums up what was measured of many users.
struct Summary {
  let context: StageContext

  /// - Parameter metrics: a tree with a folder per user.
  func write(_ metrics: InputArtifact) throws {
    var users: [(user: String, json: JSON)] = []
    for path in metrics.paths where path.hasSuffix("/metrics.json") {
      let user = path.dropLast("/metrics.json".count)
      users.append((String(user), try JSON(parsing: metrics.read(path))))
    }
    let references = context[Evaluate.against].split(separator: ",").map(String.init)
    let summary = MetricsSummary(users, seed: UInt64(context[Evaluate.seed]))
    let output = context.output("summary")
    try output.write("summary.json", text: summary.json(against: references).text + "\n")
    try output.write("summary.md", text: summary.markdown(against: references))
  }
}

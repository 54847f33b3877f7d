import ArgumentParser
import Bytes
import Graph
import Resolver

struct StagesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stages",
    abstract: "Lists the stages found, with inputs, outputs, parameters and defaults.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "The stages to describe; all if there are none.")
  var names: [String] = []

  mutating func run() async throws {
    let catalog = CommonOptions.catalog
    for name in names where catalog.path(of: name) == nil {
      throw UsageProblem(
        "there is no stage \(name); found: \(catalog.names.joined(separator: ", "))")
    }
    var stages: [String: StageCatalog.Stage] = [:]
    var silent: [String] = []
    for name in names.isEmpty ? catalog.names : names {
      do {
        stages.merge(try await catalog.describe([name])) { first, _ in first }
      } catch {
        silent.append("\(error)")
      }
    }
    let sorted = stages.sorted { $0.key < $1.key }.map(\.value)
    if common.json {
      Terminal.write(
        JSON.array(
          sorted.map { stage in
            var json = stage.description.json.objectValue ?? [:]
            json["path"] = .string(stage.path)
            return .object(json)
          }))
    } else {
      for stage in sorted { Terminal.write(Self.words(stage.description)) }
    }
    for complaint in silent { Terminal.complain("plm: \(complaint)") }
    if !silent.isEmpty { throw ExitCode(Ending.failed) }
  }

  private static func words(_ stage: StageDescription) -> String {
    var rows: [[String]] = []
    for port in stage.inputs {
      rows.append(["  in", port.name, port.kind + (port.optional ? ", optional" : ""), port.help])
    }
    for port in stage.outputs {
      rows.append(["  out", port.name, port.kind + (port.optional ? ", optional" : ""), port.help])
    }
    for parameter in stage.parameters {
      let value = parameter.default.map { " = \($0.plain)" } ?? ""
      rows.append([
        parameter.execution ? "  run" : "  set", parameter.name + value, parameter.expectation,
        parameter.help,
      ])
    }
    for secret in stage.secrets { rows.append(["  env", secret, "secret", ""]) }
    return "\(stage.name) (version \(stage.version)): \(stage.summary)\n" + Terminal.table(rows)
      + "\n"
  }
}

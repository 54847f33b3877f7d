import Bytes

extension Stage {
  /// What `--help` prints.
  static var help: String {
    var lines = ["\(name): \(summary)", ""]
    lines.append("usage: \(name) --store DIR --in NAME=DIGEST-OR-PATH … --set NAME=VALUE …")
    lines.append("       \(name) --worker --store DIR    one action a line on stdin, as JSON")
    lines.append("       \(name) --describe              what follows, as JSON")
    lines += section(
      "inputs",
      inputs.map { ("\($0.name) (\($0.kind)\($0.optional ? ", optional" : ""))", $0.help) })
    lines += section(
      "outputs",
      outputs.map { ("\($0.name) (\($0.kind)\($0.optional ? ", optional" : ""))", $0.help) })
    lines += section(
      "parameters",
      parameters.map { ("\($0.name)=\($0.defaultValue.shown)", $0.help + limits($0)) })
    lines += section("secrets, from the environment", secrets.map { ($0, "") })
    lines += [
      "", "stdout ends with {\"outputs\":{NAME:DIGEST}}; progress goes to file descriptor 3.",
      "exit codes: 0 done, 1 failed, 2 wrong usage, 3 damage in the store, 75 try again later",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func section(_ title: String, _ rows: [(String, String)]) -> [String] {
    guard !rows.isEmpty else { return [] }
    let width = min(36, rows.map(\.0.count).max() ?? 0)
    return ["", "\(title):"]
      + rows.map { name, help in
        let padding = String(repeating: " ", count: max(0, width - name.count) + 2)
        return help.isEmpty ? "  \(name)" : "  \(name)\(padding)\(help)"
      }
  }

  private static func limits(_ parameter: any ParameterDeclaration) -> String {
    var notes: [String] = []
    if let low = parameter.minimum, let high = parameter.maximum {
      notes.append("\(low.text) to \(high.text)")
    }
    if !parameter.choices.isEmpty { notes.append(parameter.choices.joined(separator: ", ")) }
    if parameter.execution { notes.append("execution only") }
    return notes.isEmpty ? "" : " [\(notes.joined(separator: "; "))]"
  }
}

import Bytes

extension Stage {
  /// What `--describe` prints.
  static var description: JSON {
    [
      "name": .string(name),
      "version": .int(version),
      "summary": .string(summary),
      "inputs": .array(
        inputs.map {
          [
            "name": .string($0.name), "kind": .string($0.kind), "optional": .bool($0.optional),
            "help": .string($0.help),
          ]
        }),
      "outputs": .array(
        outputs.map {
          var members: [String: JSON] = [
            "name": .string($0.name), "kind": .string($0.kind), "optional": .bool($0.optional),
            "help": .string($0.help),
          ]
          if !$0.when.isEmpty { members["when"] = .object($0.when.mapValues(JSON.string)) }
          return .object(members)
        }),
      "parameters": .array(parameters.map(Self.description)),
      "resources": ["cores": .int(resources.cores), "memory": .int(resources.memory)],
      "secrets": .array(secrets.map(JSON.string)),
    ]
  }

  private static func description(of parameter: any ParameterDeclaration) -> JSON {
    var members: [String: JSON] = [
      "name": .string(parameter.name), "type": .string(parameter.type.rawValue),
      "default": parameter.defaultValue, "execution": .bool(parameter.execution),
      "help": .string(parameter.help),
    ]
    members["minimum"] = parameter.minimum
    members["maximum"] = parameter.maximum
    if !parameter.choices.isEmpty {
      members["choices"] = .array(parameter.choices.map(JSON.string))
    }
    return .object(members)
  }

  /// What is wrong with the declaration: mistakes of the stage's author.
  static var mistakes: [String] {
    var mistakes: [String] = []
    func check(_ what: String, _ names: [String]) {
      var seen: Set<String> = []
      for name in names {
        if !seen.insert(name).inserted { mistakes.append("\(what) \(name) is declared twice") }
        let plain = name.utf8.allSatisfy {
          (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f || $0 == 0x2d
        }
        if name.isEmpty || !plain {
          mistakes.append("\(what) \"\(name)\" has letters other than a-z, 0-9, _ and -")
        }
      }
    }
    check("stage", [name])
    check("input", inputs.map(\.name))
    check("output", outputs.map(\.name))
    check("parameter", parameters.map(\.name))
    for output in outputs {
      for name in output.when.keys.sorted() where !parameters.contains(where: { $0.name == name }) {
        mistakes.append("output \(output.name) depends on \(name), which is no parameter")
      }
    }
    if version < 1 { mistakes.append("the version is below 1") }
    if outputs.isEmpty { mistakes.append("there is no output") }
    if resources.cores < 1 || resources.memory < 0 { mistakes.append("resources make no sense") }
    for parameter in parameters {
      do throws(UsageError) {
        if try parameter.canonical(parameter.defaultValue) != parameter.defaultValue {
          mistakes.append("the default of \(parameter.name) is not canonical")
        }
      } catch {
        mistakes.append("the default of \(parameter.name) is not allowed: \(error)")
      }
    }
    return mistakes
  }
}

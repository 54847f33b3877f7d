import Bytes

/// Stores what a stage was asked to do on its command line.
struct StageArguments: Equatable {
  /// What to do.
  enum Mode: Equatable { case run, describe, help, worker }

  var mode = Mode.run
  var store: String?
  var inputs: [String: String] = [:]
  var settings: [String: JSON] = [:]

  /// Reads the arguments after the program's name. `--option VALUE` and `--option=VALUE` both do.
  init(_ arguments: [String]) throws(UsageError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--describe": mode = .describe
      case "--worker": mode = .worker
      case "--help", "-h": mode = .help
      default:
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let option = String(parts.first ?? "")
        guard ["--store", "--in", "--set"].contains(option) else { throw .unknownOption(argument) }
        guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
          throw .missingValue(option: option)
        }
        try take(option, value)
      }
    }
  }

  private mutating func take(_ option: String, _ value: String) throws(UsageError) {
    if option == "--store" {
      store = value
      return
    }
    guard let sign = value.firstIndex(of: "="), sign > value.startIndex else {
      throw .notNameAndValue(option: option, text: value)
    }
    let name = String(value[..<sign])
    let text = String(value[value.index(after: sign)...])
    if option == "--set" {
      settings[name] = .string(text)
    } else if inputs.updateValue(text, forKey: name) != nil {
      throw .twice(input: name)
    }
  }
}

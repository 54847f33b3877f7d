import Bytes

/// Says in which way a stage was called wrongly.
enum UsageError: Error, Equatable, Sendable {
  case unknownOption(String)
  case missingValue(option: String)
  case notNameAndValue(option: String, text: String)
  case noStore
  case unknownInput(String, known: [String])
  case twice(input: String)
  case missingInput(String, kind: String)
  case badInput(name: String, text: String)
  case ambiguousInput(name: String, text: String, count: Int)
  case unknownParameter(String, known: [String])
  case wrongType(parameter: String, value: String, type: ParameterType)
  case outOfRange(parameter: String, value: String, minimum: String, maximum: String)
  case notAChoice(parameter: String, value: String, choices: [String])
  case badRequest(String)
  case refusedKernels(String)
}

extension UsageError: StageFailure {
  var exitCode: Int32 { 2 }
}

extension UsageError: CustomStringConvertible {
  var description: String {
    switch self {
    case .unknownOption(let text):
      "unknown option · \(text) · --help lists the options"
    case .missingValue(let option):
      "an option without its value · \(option) · --help shows how it is written"
    case .notNameAndValue(let option, let text):
      "no name and value · \(option) \(text) · write \(option) NAME=VALUE"
    case .noStore:
      "no store named · --store · write --store DIR, or set PLM_STORE"
    case .unknownInput(let name, let known):
      "unknown input · \(name) · \(Self.advice(name, known))"
    case .twice(let input):
      "an input given twice · \(input) · give it once"
    case .missingInput(let name, let kind):
      "missing input · \(name) (\(kind)) · add --in \(name)=DIGEST-OR-PATH"
    case .badInput(let name, let text):
      "neither a path nor the digest of an object in the store · --in \(name)=\(text)"
        + " · check the path"
    case .ambiguousInput(let name, let text, let count):
      "\(count) objects begin like this · --in \(name)=\(text) · give more digits"
    case .unknownParameter(let name, let known):
      "unknown parameter · \(name) · \(Self.advice(name, known))"
    case .wrongType(let parameter, let value, let type):
      "not \(Self.words(type)) · \(parameter)=\(value) · --help lists the parameters"
    case .outOfRange(let parameter, let value, let minimum, let maximum):
      "out of range · \(parameter)=\(value) · it may be \(minimum) to \(maximum)"
    case .notAChoice(let parameter, let value, let choices):
      "no such choice · \(parameter)=\(value) · \(Self.advice(value, choices))"
    case .refusedKernels(let name):
      "no such kernels here · PLM_KERNELS is '\(name)', which this processor has not, or nobody knows"
        + " · leave it out to have the best"
    case .badRequest(let reason):
      "not a request · \(reason) · one JSON object a line: {\"id\":…,\"in\":{…},\"set\":{…}}"
    }
  }

  private static func advice(_ name: String, _ known: [String]) -> String {
    if let near = Spelling.nearest(to: name, among: known) { return "did you mean \(near)?" }
    return known.isEmpty ? "there are none" : "known: \(known.joined(separator: ", "))"
  }

  private static func words(_ type: ParameterType) -> String {
    switch type {
    case .int: "a whole number"
    case .double: "a number"
    case .bool: "true or false"
    case .string: "a text"
    }
  }
}

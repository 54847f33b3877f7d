import Bytes
import Foundation

/// Changes good model files in ways that know their structure, and opens what came of it.
///
///     format-fuzz [--from N] [--count N] [--seed S] [--verbose]
///
/// Each case gives an error or a valid load. A crash ends the program, as does a case that takes
/// longer than ten seconds (by SIGALRM) or 256 MB (exit 1): --verbose says which one it was. The last
/// line on stdout is a summary as JSON.
@main enum FormatFuzz {
  static func main() throws {
    let options = try Options(CommandLine.arguments.dropFirst())
    let specimens = try Specimens()
    var summary = Summary()
    let start = peakMemory()
    for number in options.first..<options.first + options.count {
      if options.verbose {
        FileHandle.standardError.write(Data("case \(number)\n".utf8))
      }
      alarm(10)
      var random = SeededRandom(seed: options.seed, purpose: "case \(number)")
      let kind = Specimens.Kind.allCases[number % Specimens.Kind.allCases.count]
      // Two of three files of a kind are changed only where the first parse takes it.
      let isDeep = number / Specimens.Kind.allCases.count % 3 > 0
      let folder = try specimens.changed(kind, isDeep: isDeep, &random)
      let outcome = Opening.open(folder, of: kind)
      summary.add(kind, outcome)
      if options.verbose {
        FileHandle.standardError.write(Data("  \(kind.rawValue): \(outcome)\n".utf8))
      }
      guard peakMemory() - start < 256 << 20 else {
        FileHandle.standardError.write(
          Data("case \(number) of \(kind.rawValue) took \(peakMemory() - start) bytes\n".utf8))
        exit(1)
      }
    }
    alarm(0)
    print(summary.json.text)
  }

  /// The most memory this process has held, in bytes.
  private static func peakMemory() -> Int {
    var usage = rusage()
    #if os(Linux)
      getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #endif
  }
}

/// Stores what the command line asks for.
private struct Options {
  var first = 0
  var count = 400
  var seed: UInt64 = 1
  var verbose = false

  struct Wrong: Error { let word: String }

  init(_ words: some Sequence<String>) throws {
    var words = Array(words)[...]
    func wrong(_ word: String) -> Wrong { Wrong(word: word) }
    while let word = words.popFirst() {
      if word == "--verbose" {
        verbose = true
        continue
      }
      guard let value = words.popFirst().flatMap({ Int($0) }), value >= 0 else {
        throw wrong(word)
      }
      switch word {
      case "--from": first = value
      case "--count": count = value
      case "--seed": seed = UInt64(value)
      default: throw wrong(word)
      }
    }
  }
}

/// Counts how far the files came.
private struct Summary {
  private var counts: [String: [String: Int]] = [:]

  mutating func add(_ kind: Specimens.Kind, _ outcome: Opening.Outcome) {
    let word =
      switch outcome {
      case .refusedAtOnce: "refused_at_once"
      case .refusedLater: "refused_later"
      case .loaded: "loaded"
      }
    counts[kind.rawValue, default: [:]][word, default: 0] += 1
    counts["all", default: [:]][word, default: 0] += 1
  }

  var json: JSON {
    .object(counts.mapValues { .object($0.mapValues { .int($0) }) })
  }
}

import PersonalLM

/// Continues a text with a bundle: all that an app needs. `personal-example BUNDLE TEXT`
@main enum PersonalExample {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3 else { return print("usage: personal-example BUNDLE TEXT") }

    let model = try PersonalModel(bundle: arguments[1])
    var options = TextOptions.greedy(maximumTokens: 24)
    options.stop = ["\n\n"]
    for try await piece in model.generate(arguments[2], options: options) {
      print(piece.text, terminator: "")
    }
    print()

    let choices = try await model.choose(arguments[2], among: [" today", " tomorrow"])
    for choice in choices { print(choice.text, choice.probability) }
  }
}

import Bytes
import ChatTemplates
import Foundation
import Models
import TestKit
import Testing

@testable import PersonalLM

/// The library that an app embeds, on bundles in a folder.
@Suite struct PersonalModelTests {
  let bundles: TinyBundles

  init() throws { bundles = try TinyBundles() }

  func whole(
    _ model: PersonalModel, _ prompt: String, _ options: TextOptions = .greedy(maximumTokens: 20)
  ) async throws -> (text: String, tokens: [Piece.Token], last: Piece) {
    var text = ""
    var tokens: [Piece.Token] = []
    var last = Piece()
    for try await piece in model.generate(prompt, options: options) {
      text += piece.text
      tokens += piece.tokens
      last = piece
    }
    return (text, tokens, last)
  }

  @Test func `a bundle continues a text, and so it does in another folder`() async throws {
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    let answer = try await whole(model, "The ship")
    #expect(answer.tokens.count == 20 && answer.last.end == .length)
    #expect(answer.last.usage?.completion == 20)
    #expect(answer.text == String(decoding: answer.tokens.flatMap(\.bytes), as: UTF8.self))
    let other = try await whole(try PersonalModel(bundle: bundles.path(of: "bob")), "The ship")
    #expect(other.text != answer.text)
    // With the base taken along, inside the bundle.
    let moved = try TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: bundles.path(of: "ann"), toPath: moved("elsewhere"))
    try FileManager.default.copyItem(atPath: bundles.base, toPath: moved("elsewhere/base"))
    let again = try await whole(try PersonalModel(bundle: moved("elsewhere")), "The ship")
    #expect(again.text == answer.text)
  }

  @Test func `the documented example runs`() throws {
    let example = try #require(Places.executable("personal-example"))
    let result = try Program.run(example, [bundles.path(of: "ann"), "The ship"])
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(result.output.contains("\n tomorrow "))
  }

  @Test func `damage and what is missing are told by name`() throws {
    let path = bundles.path(of: "ann")
    try Files.write("other", to: path + "/index.json")
    #expect {
      _ = try PersonalModel(bundle: path)
    } throws: { error in
      guard case BundleError.damaged(let file, _, _, _)? = error as? BundleError else {
        return false
      }
      return file == "index.json" && "\(error)".contains("damaged")
    }
    Files.remove(path + "/adapter/adapter_config.json")
    #expect(try ModelBundle(path: path).problems().count == 2)
    try Files.write("x", to: bundles.base + "/model.safetensors")
    #expect(throws: BundleError.self) {
      _ = try PersonalModel(bundle: bundles.path(of: "bob"))
    }
    Files.remove(bundles.base)
    #expect {
      _ = try ModelBundle(path: bundles.path(of: "bob"))
    } throws: {
      if case BundleError.noBase? = $0 as? BundleError { true } else { false }
    }
    #expect(throws: BundleError.noBundle(path: bundles.path)) {
      _ = try ModelBundle(path: bundles.path)
    }
  }

  @Test(arguments: [
    "", "[]", #"{"format":"plm-bundle 9"}"#, #"{"format":"plm-bundle 2","layout":"odd"}"#,
    #"{"format":"plm-bundle 2","files":[]}"#, #"{"format":"plm-bundle 2","layout":"adapter"}"#,
    #"{"format":"plm-bundle 2","files":{"../a":{"digest":"sha256:00","bytes":1}}}"#,
    #"{"format":"plm-bundle 2","files":{"/etc/passwd":{}}}"#,
    #"{"format":"plm-bundle 2","files":{"a":{"digest":"sha256:00","bytes":1}}}"#,
    #"{"format":"plm-bundle 2","gate":{"ships":"nothing"}}"#,
    #"{"format":"plm-bundle 2"}"#, #"{"format":"plm-bundle 2","files":{}}"#,
  ])
  func `a manifest of another kind is refused`(json: String) {
    #expect(throws: BundleError.self) {
      _ = try BundleManifest(json: Array(json.utf8), path: "manifest.json")
    }
  }

  @Test func `a stop sequence ends the text before it`() async throws {
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    let free = try await whole(model, "The ship", .greedy(maximumTokens: 40))
    // A stop in the middle of the text that spans tokens.
    let characters = Array(free.text)
    let stop = String(characters[10..<14])
    var options = TextOptions.greedy(maximumTokens: 40)
    options.stop = ["never there", stop]
    let stopped = try await whole(model, "The ship", options)
    let wanted = try #require(free.text.range(of: stop))
    #expect(stopped.text == String(free.text[..<wanted.lowerBound]))
    #expect(stopped.last.end == .stop)
  }

  @Test func `pieces are whole characters and nothing of a stop sequence`() {
    var text = TextAssembler(stops: ["stop"])
    func add(_ bytes: [UInt8]) -> String {
      text.append(Piece.Token(id: 1, bytes: bytes)).piece.text
    }
    #expect(add(Array("a st".utf8)) == "a ")
    #expect(add(Array("ick ".utf8)) == "stick ")
    #expect(add([0xe2, 0x82]) == "")
    #expect(add([0xac]) == "€")
    #expect(add(Array("s".utf8)) == "")
    #expect(add(Array("to".utf8)) == "")
    let last = text.append(Piece.Token(id: 2, bytes: Array("pped".utf8)))
    #expect(last.isStopped && last.piece.text == "")
    var cut = TextAssembler(stops: [])
    #expect(cut.append(Piece.Token(id: 1, bytes: [0xe2])).piece.text == "")
    #expect(cut.finish().text == "\u{fffd}")
  }

  @Test func `choices are scored by what the model thinks of their tokens`() async throws {
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    let choices = try await model.choose("The ship came in", among: [" at dawn", " red", " sails"])
    #expect(abs(choices.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
    var options = TextOptions.greedy(maximumTokens: 0)
    (options.tellsPrompt, options.logprobs) = (true, 0)
    let before = model.prompt("The ship came in", options: options).ids.count
    for choice in choices {
      var told: [Piece.Token] = []
      for try await piece in model.generate("The ship came in" + choice.text, options: options) {
        told += piece.prompt
      }
      let sum = told[before...].reduce(0) { $0 + Double($1.logprob ?? 0) }
      #expect(abs(sum - choice.logprob) < 1e-4)
    }
  }

  @Test func `choices that nobody waits for are not computed to their end`() async throws {
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    let texts = (0..<64).map { " \($0)" + String(repeating: " sails", count: 60) }
    let asking = Task { try await model.choose("The ship", among: texts) }
    asking.cancel()
    await #expect(throws: CancellationError.self) { try await asking.value }
    for _ in 0..<500 where model.base.engine.load.jobs > 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(model.base.engine.load.jobs == 0)
    // One too long fails them all at once.
    let long = String(repeating: " red", count: TinyBundles.positions)
    await #expect(throws: ModelError.self) { try await model.choose("The", among: texts + [long]) }
  }

  @Test func `as many tokens as there are numbers may be asked for`() async throws {
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    var options = TextOptions.greedy(maximumTokens: .max)
    options.retrieval = true
    let long = String(repeating: "red sails ", count: 150)
    #expect(model.prompt(long, options: options).ids.count > TinyBundles.positions)
    let answer = try await whole(model, "The ship", options)
    #expect(answer.last.end != nil && answer.tokens.count <= TinyBundles.positions)
  }

  @Test func `an end that only generation_config names ends a text`() async throws {
    func answer() async throws -> (text: String, tokens: [Piece.Token], last: Piece) {
      try await whole(PersonalModel(base: try BaseModel(path: bundles.base)), "The ship")
    }
    let free = try await answer()
    let end = free.tokens[4].id
    try Files.write(
      #"{"eos_token_id": [0, \#(end), 100000]}"#, to: bundles.base + "/generation_config.json")
    let ended = try await answer()
    #expect(ended.last.end == .stop)
    #expect(ended.tokens == Array(free.tokens.prefix { $0.id != end }))
  }

  @Test func `retrieval puts the user's own text before the prompt`() throws {
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    var options = TextOptions.greedy()
    let plain = model.prompt("red sails", options: options).ids
    options.retrieval = true
    let helped = model.prompt("red sails", options: options).ids
    #expect(helped.suffix(plain.count) == plain[...])
    #expect(
      model.text(of: Array(helped.dropLast(plain.count)))
        .contains("ann mended the red sails"))
    #expect(model.prompt("xyz", options: options).ids.count < helped.count)
    // As much as the model has is a bound, and takes nothing from the passage.
    options.maximumTokens = TinyBundles.positions
    #expect(model.prompt("red sails", options: options).ids == helped)
    options.room = TinyBundles.positions - plain.count - 10
    #expect(model.prompt("red sails", options: options).ids == plain)
  }

  @Test func `a conversation is put by the template, or as one text`() throws {
    let messages: [ChatMessage] = [
      .system("Be brief."), .user("On Sunday"), .assistant(" we slept."), .user("Then"),
    ]
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    let options = TextOptions.greedy(maximumTokens: 8)
    let plain = try model.prompt(messages, options: options).ids
    #expect(model.text(of: plain) == "Be brief.\n\nOn Sunday we slept.\n\nThen")
    let taught = try TinyBundles(template: TinyBundles.bracketed)
    let other = try PersonalModel(bundle: taught.path(of: "ann"))
    let ids = try other.prompt(messages, options: options).ids
    #expect(
      other.text(of: ids)
        == "<system>Be brief.\n<user>On Sunday\n<assistant> we slept.\n<user>Then\n<assistant>")
  }

  @Test func `a template that cannot be carried out stands in the way of conversations alone`()
    throws
  {
    let odd = try TinyBundles(template: "{% import 'macros' as m %}{{ m.all(messages) }}")
    let model = try PersonalModel(bundle: odd.path(of: "ann"))
    let options = TextOptions.greedy(maximumTokens: 8)
    #expect(!model.prompt("red sails", options: options).ids.isEmpty)
    #expect(throws: TemplateError.self) { try model.prompt([.user("Then")], options: options) }
  }

  @Test func `an answer that nobody reads on is not computed to its end`() async throws {
    let model = try PersonalModel(bundle: bundles.path(of: "ann"))
    for try await _ in model.generate("The", options: .greedy(maximumTokens: 200)) { break }
    for _ in 0..<500 where model.base.engine.load.jobs > 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(model.base.engine.load.jobs == 0)
  }
}

import Augmentation
import Bytes
import Corpus
import Kernels
import Models
import Persona
import StageKit

/// Asks a teacher for new samples in the user's manner.
@main enum Synthesize: Stage {
  static let name = "synthesize"
  static let version = 7
  static let summary = "Asks a teacher for new samples in the user's manner."

  static let inputs = [
    Input("history", kind: "records", help: "The user's records that are shown."),
    Input("profile", kind: "profile", help: "The user's style in words."),
    Input(
      "teacher", kind: "model", optional: true,
      help: "For teacher=local: the model that writes, with its tokenizer."),
    Input(
      "adapter", kind: "adapter", optional: true,
      help: "For teacher=local: an adapter that the model writes through."),
  ]
  static let outputs = [
    Output("samples", kind: "samples", help: "New samples with their origin, unfiltered."),
    Output("requests", kind: "requests", help: "Every request by digest and draw."),
  ]
  static let secrets = ["PLM_TEACHER_KEY", "OPENAI_API_KEY"]
  static let resources = Resources(cores: 2)
  static var refusedKernels: String? { Kernels.refusedVariant }

  static let teacher = Parameter(
    "teacher", default: "local", oneOf: ["local", "openai"],
    help: "local: the model of the input teacher; openai: an HTTP service.")
  static let ratio = Parameter(
    "ratio", default: 0.5, in: 0...100, help: "How many samples to ask for, per record of history.")
  static let count = Parameter(
    "count", default: 0, in: 0...1_000_000, help: "How many samples to ask for; 0 goes by ratio.")
  static let examples = Parameter(
    "examples", default: 3, in: 0...100, help: "How many of the user's records are shown at once.")
  static let openingWords = Parameter(
    "opening_words", default: 4, in: 0...1000,
    help: "local: how many words of a record a new text starts with.")
  static let temperature = Parameter(
    "temperature", default: 0.8, in: 0...10, help: "How freely the teacher draws; 0 is greedy.")
  static let topK = Parameter(
    "top_k", default: 64, in: 0...1_000_000,
    help: "local: draws from so many of the likeliest tokens; 0 for all.")
  static let topP = Parameter(
    "top_p", default: 0.95, in: 0...1,
    help: "Draws from the likeliest tokens with this much probability.")
  static let maximumTokens = Parameter(
    "maximum_tokens", default: 512, in: 1...1_000_000, help: "Tokens of a reply at most.")
  static let seed = Parameter("seed", default: 0, in: 0...Int.max >> 1, help: "Seeds all choices.")
  static let endpoint = Parameter(
    "endpoint", default: "http://127.0.0.1:8080/v1",
    help: "openai: the base address of the service.")
  static let model = Parameter(
    "model", default: "default", help: "openai: the model's name there.")
  static let samplesPerRequest = Parameter(
    "samples_per_request", default: 2, in: 1...100, help: "openai: samples asked for at once.")
  static let consent = Parameter(
    "consent", default: false,
    help: "openai: agrees to sending the user's texts to another machine.", execution: true)
  static let concurrency = Parameter(
    "concurrency", default: 4, in: 1...1000, help: "openai: requests under way at once.",
    execution: true)
  static let timeout = Parameter(
    "timeout", default: 120, in: 0.1...86400, help: "openai: seconds to wait for an answer.",
    execution: true)
  static let retries = Parameter(
    "retries", default: 5, in: 0...100,
    help: "openai: repetitions after a rate limit, a server's error or a broken connection.",
    execution: true)
  static let pause = Parameter(
    "pause", default: 1.0, in: 0...3600,
    help: "openai: seconds before the first repetition, doubled"
      + " each time.", execution: true)
  static let maximumRequests = Parameter(
    "maximum_requests", default: 0, in: 0...1_000_000_000,
    help: "Requests sent in one run at most; 0 for any number.", execution: true)
  static let threads = Parameter(
    "threads", default: 0, in: 0...1024, help: "local: threads; 0 for all cores.", execution: true)
  static let parameters: [any ParameterDeclaration] = [
    teacher, ratio, count, examples, openingWords, temperature, topK, topP, maximumTokens, seed,
    endpoint, model, samplesPerRequest, consent, concurrency, timeout, retries, pause,
    maximumRequests, threads,
  ]

  static func run(_ context: StageContext) async throws {
    let history = try RecordFile.decode(context.input("history").read())
    guard !history.isEmpty else { throw TeacherError.noHistory }
    let number =
      context[count] > 0
      ? context[count] : Int((context[ratio] * Double(history.count)).rounded(.up))
    let lesson =
      context[teacher] == "local"
      ? try await local(context, history, number) : try await remote(context, history, number)

    try context.output("samples").write(SampleFile.encode(lesson.samples))
    let ledger = lesson.requests.map { request -> String in
      let line: JSON = ["draw": .int(request.draw), "request": .string(request.digest.description)]
      return line.text + "\n"
    }
    try context.output("requests").write(text: ledger.joined())
    context.progress([
      "requests": .int(lesson.requests.count), "asked": .int(lesson.asked),
      "samples": .int(lesson.samples.count), "unreadable": .int(lesson.unreadable),
    ])
    if lesson.unreadable > 0 {
      context.log(
        "\(lesson.unreadable) of \(lesson.requests.count) replies were not in the form asked for")
    }
  }

  private static func local(
    _ context: StageContext, _ history: [Record], _ number: Int
  ) async throws -> Lesson {
    Kernels.threads = context[threads]
    Kernels.exitWithoutMemory(code: 75)
    context.progress(["kernels": .string(Kernels.variant)])
    let generator = try ModelGenerator(
      base: context.input("teacher"), adapter: context.optionalInput("adapter"),
      options: GenerationOptions(
        maximumTokens: context[maximumTokens], temperature: context[temperature],
        topK: context[topK], topP: context[topP]))
    let teacher = LocalTeacher(
      generator,
      options: [
        "maximum_tokens": .int(context[maximumTokens]),
        "temperature": .double(context[temperature]),
        "top_k": .int(context[topK]), "top_p": .double(context[topP]),
      ],
      openingWords: context[openingWords], seed: UInt64(context[seed]))
    return try await learn(context, plan(context, history, number), teacher)
  }

  private static func remote(
    _ context: StageContext, _ history: [Record], _ number: Int
  ) async throws -> Lesson {
    let profile = try context.input("profile").text(Style.File.text)
    var settings = OpenAITeacher.Settings(model: context[model], profile: profile)
    settings.samplesPerRequest = context[samplesPerRequest]
    settings.temperature = context[temperature]
    settings.topP = context[topP]
    settings.maximumTokens = context[maximumTokens] * context[samplesPerRequest]
    settings.seed = UInt64(context[seed])
    let teacher = OpenAITeacher(
      endpoint: try Endpoint(context[endpoint]),
      key: context.secret("PLM_TEACHER_KEY") ?? context.secret("OPENAI_API_KEY"),
      consent: context[consent], settings: settings,
      delivery: Delivery(
        concurrency: context[concurrency], timeout: context[timeout], retries: context[retries],
        pause: context[pause]))
    let requests = (number + context[samplesPerRequest] - 1) / context[samplesPerRequest]
    return try await learn(context, plan(context, history, requests), teacher)
  }

  private static func plan(
    _ context: StageContext, _ history: [Record], _ count: Int
  ) -> [Assignment] {
    AssignmentPlan.make(
      history, count: count, examples: context[examples], seed: UInt64(context[seed]))
  }

  private static func learn(
    _ context: StageContext, _ plan: [Assignment], _ teacher: some Teacher
  ) async throws -> Lesson {
    try await Lesson(
      plan, teacher: teacher, replies: KeptReplies(store: context.replies),
      cap: context[maximumRequests]
    ) { done, total in
      context.progress(["done": .int(done), "of": .int(total)])
    }
  }
}

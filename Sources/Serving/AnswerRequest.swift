import Bytes
import ChatTemplates
import PersonalLM

/// Stores what a request for an answer asks for, whichever of the two APIs it came by.
struct AnswerRequest {
  /// What is to be continued or answered.
  enum Prompt: Equatable {
    case text(String)
    case tokens([Int32])
    case conversation([ChatMessage])
  }

  var model: String
  var prompts: [Prompt]
  var options = TextOptions()
  /// How many answers to each prompt.
  var count = 1
  var streams = false
  var includesUsage = false
  /// Whether the prompt is part of the answer.
  var echoes = false
  /// Texts of which the likeliest is the answer.
  var choices: [String]?
  /// How many jobs it is for the engine.
  var cost: Int { (choices?.count ?? count) * prompts.count }

  /// The most answers one request may ask for, over all its prompts.
  static let mostAnswers = 64

  /// Reads the body of /v1/completions.
  init(completion body: [UInt8], limit: Int) throws(APIError) {
    var fields = try Self.fields(body)
    model = try Self.model(&fields)
    prompts = try Self.prompts(&fields)
    options.logprobs = try fields.int("logprobs", in: 0...20)
    echoes = try fields.bool("echo") ?? false
    let most = try fields.int("max_tokens", in: 0...(.max))
    try readShared(&fields)
    if let best = try fields.int("best_of", in: 1...64), best != count {
      throw .unsupported("best_of")
    }
    try fields.refuse("suffix")
    try fields.end()
    try bound(most ?? min(16, limit), "max_tokens", limit)
    options.tellsPrompt = echoes && options.logprobs != nil
    if streams, echoes { throw fields.wrong("echo", "does not go with stream") }
  }

  /// Reads the body of /v1/chat/completions.
  init(chat body: [UInt8], limit: Int) throws(APIError) {
    var fields = try Self.fields(body)
    model = try Self.model(&fields)
    prompts = [.conversation(try Self.messages(&fields))]
    let tells = try fields.bool("logprobs") ?? false
    let top = try fields.int("top_logprobs", in: 0...20)
    if let top, top > 0, !tells { throw fields.wrong("top_logprobs", "needs logprobs") }
    options.logprobs = tells ? top ?? 0 : nil
    let old = try fields.int("max_tokens", in: 1...(.max))
    let new = try fields.int("max_completion_tokens", in: 1...(.max))
    try readShared(&fields)
    if let format = try fields.object("response_format") {
      var format = format
      guard try format.string("type") == "text" else { throw .unsupported("response_format") }
    }
    if let value = fields.value("tool_choice"), value != "none", value != "auto" {
      throw .unsupported("tool_choice")
    }
    if let value = fields.value("function_call"), value != "none", value != "auto" {
      throw .unsupported("function_call")
    }
    if let value = fields.value("modalities"), value != ["text"] {
      throw .unsupported("modalities")
    }
    try fields.refuse("tools", "functions", "audio", "prediction")
    fields.ignore("parallel_tool_calls", "reasoning_effort", "verbosity")
    try fields.end()
    let name = new == nil ? "max_tokens" : "max_completion_tokens"
    try bound(new ?? old ?? limit, name, limit)
  }

  /// Reads what both APIs have.
  private mutating func readShared(_ fields: inout Fields) throws(APIError) {
    options.temperature = try fields.number("temperature", in: 0...2) ?? 1
    options.topP = try fields.number("top_p", in: 0...1) ?? 1
    options.topK = try fields.int("top_k", in: 0...(.max)) ?? 0
    options.minP = try fields.number("min_p", in: 0...1) ?? 0
    options.repetitionPenalty = try fields.number("repetition_penalty", in: 0.01...100) ?? 1
    options.retrieval = try fields.bool("retrieval")
    let seed = try fields.int("seed", in: .min...(.max))
    options.seed = seed.map { UInt64(bitPattern: Int64($0)) } ?? .random(in: 0...(.max))
    options.stop = try fields.strings("stop", most: 16) ?? []
    for stop in options.stop where stop.isEmpty || stop.utf8.count > 1024 {
      throw fields.wrong("stop", "must hold texts of 1 to 1024 bytes")
    }
    count = try fields.int("n", in: 1...16) ?? 1
    guard count * prompts.count <= Self.mostAnswers else {
      throw fields.wrong("n", "times the prompts must be at most \(Self.mostAnswers)")
    }
    streams = try fields.bool("stream") ?? false
    if var stream = try fields.object("stream_options") {
      guard streams else { throw fields.wrong("stream_options", "goes with stream") }
      includesUsage = try stream.bool("include_usage") ?? false
      stream.ignore("include_obfuscation")
      try stream.end()
    }
    choices = try fields.strings("choices", most: 256)
    if let choices {
      if choices.isEmpty || choices.contains("") {
        throw fields.wrong("choices", "must hold texts that are not empty")
      }
      if streams { throw fields.wrong("choices", "does not go with stream") }
      if prompts.count > 1 { throw fields.wrong("choices", "goes with one prompt") }
      // What is chosen is one of the texts, whole and alone: none of these says anything of it.
      for (name, isAsked) in [
        ("n", count > 1), ("echo", echoes), ("logprobs", options.logprobs != nil),
        ("stop", !options.stop.isEmpty),
      ] where isAsked {
        throw fields.wrong("choices", "does not go with \(name)")
      }
    }
    try fields.refuse("presence_penalty", "frequency_penalty", "logit_bias")
    fields.ignore(
      "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
      "prompt_cache_retention")
  }

  private mutating func bound(_ most: Int, _ name: String, _ limit: Int) throws(APIError) {
    guard most <= limit else { throw .field(name, "must be at most \(limit)") }
    options.maximumTokens = most
  }

  private static func fields(_ body: [UInt8]) throws(APIError) -> Fields {
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: body)
    } catch {
      throw APIError(
        status: 400,
        message: "The body is not JSON: \(error.reason.rawValue), at byte \(error.offset).")
    }
    guard let members = json.objectValue else {
      throw APIError(status: 400, message: "The body must be a JSON object.")
    }
    return Fields(members)
  }

  private static func model(_ fields: inout Fields) throws(APIError) -> String {
    guard let model = try fields.string("model"), !model.isEmpty else {
      throw fields.wrong("model", "must name a model; GET /v1/models lists them")
    }
    return model
  }

  /// A text, tokens, or a list of either.
  private static func prompts(_ fields: inout Fields) throws(APIError) -> [Prompt] {
    let wrong = fields.wrong(
      "prompt", "must be a string, a list of tokens, or a list of at most \(mostAnswers) of either")
    func tokens(_ list: [JSON]) throws(APIError) -> Prompt {
      .tokens(
        try list.map { element throws(APIError) in
          guard let id = element.intValue.flatMap({ Int32(exactly: $0) }) else { throw wrong }
          return id
        })
    }
    guard let value = fields.value("prompt") else { throw wrong }
    if let text = value.stringValue { return [.text(text)] }
    guard let list = value.arrayValue, let first = list.first else { throw wrong }
    if first.intValue != nil { return [try tokens(list)] }
    guard list.count <= mostAnswers else { throw wrong }
    return try list.map { element throws(APIError) in
      if let text = element.stringValue { return .text(text) }
      guard let list = element.arrayValue, !list.isEmpty else { throw wrong }
      return try tokens(list)
    }
  }

  private static func messages(_ fields: inout Fields) throws(APIError) -> [ChatMessage] {
    guard let list = fields.value("messages")?.arrayValue, !list.isEmpty else {
      throw fields.wrong("messages", "must be a list of messages")
    }
    var messages: [ChatMessage] = []
    for (place, element) in list.enumerated() {
      let path = "messages[\(place)]"
      guard let members = element.objectValue else { throw .field(path, "must be an object") }
      var message = Fields(members, path: path + ".")
      let role = try message.string("role") ?? ""
      guard ["system", "developer", "user", "assistant"].contains(role) else {
        throw message.wrong("role", "must be system, developer, user or assistant")
      }
      let content = try content(message.value("content"), path + ".content")
      try message.refuse("tool_calls", "function_call", "audio")
      message.ignore("name", "refusal", "annotations", "reasoning_content")
      try message.end()
      messages.append(ChatMessage(role: role == "developer" ? "system" : role, content: content))
    }
    return messages
  }

  /// A text, or parts of one.
  private static func content(_ value: JSON?, _ path: String) throws(APIError) -> String {
    if let text = value?.stringValue { return text }
    guard let parts = value?.arrayValue else { throw .field(path, "must be a text") }
    var text = ""
    for part in parts {
      guard part["type"] == "text", let piece = part["text"]?.stringValue else {
        throw .field(path, "may hold parts of type text only")
      }
      text += piece
    }
    return text
  }
}

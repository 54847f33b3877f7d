import Bytes
import Foundation
import Models
import PersonalLM

/// Puts answers into the shapes of OpenAI's two APIs.
struct AnswerFormat {
  enum API { case completion, chat }

  private let api: API
  private let model: String
  private let id: String
  private let created = Int(Date().timeIntervalSince1970)

  init(_ api: API, model: String) {
    self.api = api
    self.model = model
    let random = (0..<2).map { _ in
      let digits = String(UInt64.random(in: 0...(.max)), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
    id = (api == .chat ? "chatcmpl-" : "cmpl-") + random
  }

  /// The field that holds what is answered.
  var promptField: String { api == .chat ? "messages" : "prompt" }

  private func frame(_ object: String, _ more: [String: JSON]) -> JSON {
    let members: [String: JSON] = [
      "id": .string(id), "object": .string(object), "created": .int(created),
      "model": .string(model),
    ]
    return .object(members.merging(more) { _, new in new })
  }

  // MARK: Whole answers

  func whole(_ answers: [Answer], usage: Piece.Usage, logprobs: Bool) -> JSON {
    let choices = answers.enumerated().map { place, answer -> JSON in
      var members: [String: JSON] = [
        "index": .int(place), "finish_reason": .string((answer.end ?? .stop).rawValue),
      ]
      switch api {
      case .completion:
        members["text"] = .string(answer.text)
        members["logprobs"] =
          logprobs ? Self.completionLogprobs(answer.tokens, answer.offsets) : .null
      case .chat:
        members["message"] = [
          "role": "assistant", "content": .string(answer.text), "refusal": nil,
        ]
        members["logprobs"] = logprobs ? Self.chatLogprobs(answer.tokens) : .null
      }
      return .object(members)
    }
    return frame(
      api == .chat ? "chat.completion" : "text_completion",
      ["choices": .array(choices), "usage": Self.json(usage)])
  }

  /// The likeliest of some texts, and how likely each is.
  func choice(among choices: [PersonalModel.Choice], promptTokens: Int) -> JSON {
    let best = choices.max { $0.logprob < $1.logprob }?.text ?? ""
    var answer = Answer()
    answer.text = best
    answer.end = .stop
    var json = whole([answer], usage: Piece.Usage(prompt: promptTokens), logprobs: false)
    if case .object(var members) = json {
      members["scores"] = .array(
        choices.map {
          [
            "text": .string($0.text), "logprob": .double($0.logprob),
            "probability": .double($0.probability),
          ]
        })
      json = .object(members)
    }
    return json
  }

  // MARK: Parts

  private func part(_ choices: [JSON], usage: Bool) -> JSON {
    var members: [String: JSON] = ["choices": .array(choices)]
    // Where the last part tells the usage, the others have the field too.
    if usage { members["usage"] = .null }
    return frame(api == .chat ? "chat.completion.chunk" : "text_completion", members)
  }

  /// What a chat's answer begins with: who speaks.
  func opening(_ place: Int, usage: Bool) -> JSON? {
    guard api == .chat else { return nil }
    return part([Self.delta(place, ["role": "assistant", "content": ""])], usage: usage)
  }

  /// - Parameter start: characters of the answer before this piece.
  func parts(
    _ place: Int, _ piece: Piece, from start: Int, logprobs: Bool, usage: Bool
  ) -> [JSON] {
    var parts: [JSON] = []
    let end = piece.end.map { JSON.string($0.rawValue) }
    switch api {
    case .completion:
      parts.append(
        part(
          [
            [
              "index": .int(place), "text": .string(piece.text), "finish_reason": end ?? .null,
              "logprobs": logprobs && !piece.tokens.isEmpty
                ? Self.completionLogprobs(
                  piece.tokens, Self.offsets(piece.tokens, of: piece.text, from: start))
                : .null,
            ]
          ], usage: usage))
    case .chat:
      if !piece.text.isEmpty || !piece.tokens.isEmpty {
        parts.append(
          part(
            [
              Self.delta(
                place, ["content": .string(piece.text)],
                logprobs: logprobs ? Self.chatLogprobs(piece.tokens) : .null)
            ], usage: usage))
      }
      if let end { parts.append(part([Self.delta(place, [:], end: end)], usage: usage)) }
    }
    return parts
  }

  /// The last part, where it is asked for.
  func usage(_ usage: Piece.Usage) -> JSON {
    frame(
      api == .chat ? "chat.completion.chunk" : "text_completion",
      ["choices": [], "usage": Self.json(usage)])
  }

  private static func delta(
    _ place: Int, _ delta: JSON, logprobs: JSON = .null, end: JSON = .null
  ) -> JSON {
    ["index": .int(place), "delta": delta, "logprobs": logprobs, "finish_reason": end]
  }

  private static func json(_ usage: Piece.Usage) -> JSON {
    [
      "prompt_tokens": .int(usage.prompt), "completion_tokens": .int(usage.completion),
      "total_tokens": .int(usage.prompt + usage.completion),
      "prompt_tokens_details": ["cached_tokens": .int(usage.reused)],
    ]
  }

  // MARK: Log-probabilities

  /// Where the text of each token begins, in characters.
  ///
  /// Tokens may hold parts of characters: what counts is where characters begin, and a token that
  /// begins in the midst of one stands where that does.
  /// - Parameters:
  ///   - text: what the tokens are of.
  ///   - start: characters before this text.
  static func offsets(_ tokens: [Piece.Token], of text: String, from start: Int) -> [Int] {
    let first = tokens.lazy.flatMap(\.bytes).first
    var begun = 0
    if let first, isInside(first) {
      begun = 1
    } else if first == UInt8(ascii: " "), text.utf8.first != first {
      // SentencePiece's space before a text is no part of it.
      begun = -1
    }
    return tokens.map { token in
      defer { begun += token.bytes.count { !isInside($0) } }
      return start + max(0, token.bytes.first.map(isInside) == true ? begun - 1 : begun)
    }
  }

  /// Whether a byte goes on with a character of UTF-8 that began before it.
  private static func isInside(_ byte: UInt8) -> Bool { byte & 0xc0 == 0x80 }

  /// The shape of /v1/completions: columns.
  private static func completionLogprobs(_ tokens: [Piece.Token], _ offsets: [Int]) -> JSON {
    return [
      "tokens": .array(tokens.map { .string(name($0)) }),
      "token_logprobs": .array(tokens.map { $0.logprob.map { .double(Double($0)) } ?? .null }),
      "top_logprobs": .array(
        tokens.map { token in
          guard token.logprob != nil, !token.likeliest.isEmpty else { return .null }
          // The token itself is among them, likely or not. Of two tokens of one text the likelier
          // one, which comes first, is told.
          return .object(
            Dictionary(
              (token.likeliest + [token]).map { (name($0), .double(Double($0.logprob ?? 0))) },
              uniquingKeysWith: { first, _ in first }))
        }),
      "text_offset": .array(offsets.map { .int($0) }),
    ]
  }

  /// The shape of /v1/chat/completions: rows.
  private static func chatLogprobs(_ tokens: [Piece.Token]) -> JSON {
    func row(_ token: Piece.Token) -> [String: JSON] {
      [
        "token": .string(name(token)), "logprob": .double(Double(token.logprob ?? 0)),
        "bytes": .array(token.bytes.map { .int(Int($0)) }),
      ]
    }
    return [
      "content": .array(
        tokens.map { token in
          .object(
            row(token).merging(["top_logprobs": .array(token.likeliest.map { .object(row($0)) })]) {
              _, new in new
            })
        }),
      "refusal": nil,
    ]
  }

  /// How a token is called: its text, or its bytes where they are none.
  private static func name(_ token: Piece.Token) -> String {
    if let text = String(validating: token.bytes, as: UTF8.self) { return text }
    return "bytes:"
      + token.bytes.map { "\\x" + (($0 < 16) ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

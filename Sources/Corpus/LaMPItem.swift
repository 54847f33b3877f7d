/// Stores one element of a JSON list, which may be a question or a plain object.
///
/// Each part that cannot be read is left out alone: a title that is a number, or one entry that is
/// broken, must not cost a user all the rest.
struct LaMPItem: Decodable {
  /// Whether it has the shape of a question; what has an answer with it is a plain pair.
  let isQuestion: Bool
  let question: LaMPQuestion?
  let object: JSONObject?

  private enum Key: String, CodingKey {
    case input, output, completion, profile
    case user = "user_id"
  }

  init(from decoder: any Decoder) throws {
    question = try? LaMPQuestion(from: decoder)
    object = try? JSONObject(from: decoder)
    guard question != nil, let keys = try? decoder.container(keyedBy: Key.self) else {
      isQuestion = false
      return
    }
    let isPair = keys.contains(.output) || keys.contains(.completion)
    isQuestion = keys.contains(.profile) || keys.contains(.user) && !isPair
  }
}

/// Stores a question: what is asked, and what else its user wrote.
struct LaMPQuestion: Decodable {
  let id, userID: PlainValue?
  let input: String
  let profile: [LaMPEntry]
  /// How many entries of the profile are no objects.
  let brokenEntries: Int
  var user: String { userID?.text ?? "" }

  private enum CodingKeys: String, CodingKey {
    case id, input, profile
    case userID = "user_id"
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    id = values.plain(.id)
    userID = values.plain(.userID)
    input = try values.decode(PlainValue.self, forKey: .input).text
    let hasProfile = values.contains(.profile) && (try? values.decodeNil(forKey: .profile)) == false
    let list = try? values.decode([Lenient<LaMPEntry>].self, forKey: .profile)
    let entries = list?.compactMap(\.value) ?? []
    profile = entries
    brokenEntries = list.map { $0.count - entries.count } ?? (hasProfile ? 1 : 0)
  }
}

/// Stores an entry of a profile: a text of the user's with its title, tag or score.
struct LaMPEntry: Decodable {
  let id, title, tag, category, score, date: PlainValue?
  /// The text, under the name that the task has for it.
  let body: String

  private enum CodingKeys: String, CodingKey {
    case id, title, text, abstract, description, tag, category, score, date
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    id = values.plain(.id)
    title = values.plain(.title)
    tag = values.plain(.tag)
    category = values.plain(.category)
    score = values.plain(.score)
    date = values.plain(.date)
    body =
      (values.plain(.text) ?? values.plain(.abstract) ?? values.plain(.description))?.text ?? ""
  }
}

/// Stores a file of answers.
struct LaMPAnswers: Decodable {
  let task: String?
  let golds: [Answer]

  struct Answer: Decodable {
    let id, output: PlainValue?

    private enum CodingKeys: String, CodingKey { case id, output }

    init(from decoder: any Decoder) throws {
      let values = try? decoder.container(keyedBy: CodingKeys.self)
      id = values?.plain(.id)
      output = values?.plain(.output)
    }
  }

  private enum CodingKeys: String, CodingKey { case task, golds }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    task = values.plain(.task)?.text
    golds = try values.decode([Answer].self, forKey: .golds)
  }
}

/// Stores a value, or nothing where it is of another shape.
private struct Lenient<Value: Decodable>: Decodable {
  let value: Value?
  init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}

extension KeyedDecodingContainer {
  /// A text or a number; nil where there is none, or something else.
  fileprivate func plain(_ key: Key) -> PlainValue? { try? decode(PlainValue.self, forKey: key) }
}

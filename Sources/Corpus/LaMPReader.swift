import Foundation

/// Reads LaMP questions with their answers, which may stand in several files.
///
/// A user's profile becomes history; questions from `dev_*` become validation, those from `test_*`
/// test, those from `train_*` history. A JSON file that holds a list of plain objects is read like
/// JSON Lines.
struct LaMPReader {
  private let options: ReadingOptions
  private var questions: [(question: Question, path: String, number: Int)] = []
  private var answers: [String: String] = [:]
  private var task: String?

  init(options: ReadingOptions) { self.options = options }

  /// How many questions were read so far, answers among them.
  var count: Int { questions.count + answers.count }

  static func looksLikeAnswers(_ start: String) -> Bool {
    start.contains("\"golds\"")
  }

  static func looksLikeJSON(_ start: String) -> Bool {
    let rest = start.dropFirst().drop(while: \.isWhitespace)
    return rest.first == "{" || rest.first == "]"
  }

  /// Takes in one file of questions or answers.
  mutating func read(_ text: String, path: String, into reading: inout Reading) {
    let data = Data(text.utf8)
    let decoder = JSONDecoder()
    if let list = try? decoder.decode([Question].self, from: data) {
      for (at, question) in list.enumerated() { questions.append((question, path, at + 1)) }
    } else if let file = try? decoder.decode(Answers.self, from: data) {
      task = task ?? file.task
      for answer in file.golds { answers[answer.id.text] = answer.output.text }
    } else if let list = try? decoder.decode([JSONObject].self, from: data) {
      for (at, object) in list.enumerated() {
        JSONLinesReader.add(
          object, path: path, place: "item \(at + 1)", line: at + 1, options, into: &reading)
      }
    } else {
      reading.note(path, .unknownKind, first: "neither questions, answers nor records", .skipped)
    }
  }

  /// Makes records of the chosen user's questions and profile.
  func finish(into reading: inout Reading) throws(CorpusError) {
    guard !questions.isEmpty else { return }
    let users = Set(questions.map { $0.question.user })
    if options.user.isEmpty ? users.count > 1 : !users.contains(options.user) {
      throw .user(asked: options.user, known: users.sorted())
    }
    let user = options.user.isEmpty ? users.first ?? "" : options.user
    let own = questions.filter { $0.question.user == user }
    let task = task ?? own.lazy.compactMap { Self.task(of: $0.question.input) }.first
    var asked: Set<String> = []
    var profile: [(entry: Entry, path: String)] = []
    var known: Set<String> = []
    for (question, path, number) in own {
      for entry in question.profile where known.insert(entry.id.text).inserted {
        profile.append((entry, path))
      }
      add(question, task, path, number, &asked, into: &reading)
    }
    let opening = own.first.flatMap { Self.opening(of: $0.question.input, task: task) }
    for (entry, path) in profile {
      add(entry, task, opening, path, asked, into: &reading)
    }
  }

  private func add(
    _ question: Question, _ task: String?, _ path: String, _ number: Int,
    _ asked: inout Set<String>, into reading: inout Reading
  ) {
    let id = question.id.text
    let input = TextDecoding.normalised(question.input)
    let about = TextDecoding.normalised(Self.subject(of: input, task: task))
    let side = Self.side(of: path)
    if side != .history { asked.insert(about) }
    guard let answer = answers[id].map(TextDecoding.normalised), !answer.isEmpty else {
      reading.note(path, .noAnswer, first: "question \(id)", .skipped)
      return
    }
    // The same id in another file would be another record: sides are kept by id.
    guard reading.sides[id] == nil else {
      reading.note(path, .repeatedID, first: id, .skipped)
      return
    }
    reading.records.append(
      Record(
        id: id, source: "\(path):\(number)", text: about, task: task, input: input, output: answer))
    reading.sides[id] = side
  }

  private func add(
    _ entry: Entry, _ task: String?, _ opening: String?, _ path: String, _ asked: Set<String>,
    into reading: inout Reading
  ) {
    let id = entry.id.text
    let text = TextDecoding.normalised(entry.text ?? entry.abstract ?? entry.description ?? "")
    guard !text.isEmpty else {
      reading.note(path, .noText, first: "profile entry \(id)", .skipped)
      return
    }
    guard !asked.contains(text), reading.sides[id] == nil else {
      reading.note(path, .askedLater, first: "profile entry \(id)", .skipped)
      reading.askedLater += 1
      return
    }
    let title = entry.title.map(TextDecoding.normalised).flatMap { $0.isEmpty ? nil : $0 }
    let label = (entry.tag ?? entry.category ?? entry.score).map { $0.text.trimmed }
    var date: String?
    if let written = entry.date, !written.text.isEmpty {
      date = CalendarDate.normalised(written.text)
      if date == nil { reading.note(path, .date, first: "profile entry \(id)", .leftUndated) }
    }
    reading.records.append(
      Record(
        id: id, date: date, source: path, text: text, title: title, task: task,
        input: label == nil ? nil : opening.map { $0 + text }, output: label))
    reading.sides[id] = .history
  }

  /// Which side the name of a file promises.
  private static func side(of path: String) -> Side {
    let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    if name.hasPrefix("test") { return .test }
    if name.hasPrefix("dev") || name.hasPrefix("val") { return .validation }
    return .history
  }

  /// The task that a question is worded for.
  private static func task(of input: String) -> String? {
    if let known = TaskWording.all.first(where: { input.hasPrefix($0.opening) }) {
      return known.task
    }
    if input.hasPrefix("Generate a subject") { return "LaMP_6" }
    if input.hasPrefix("Generate a headline") { return "LaMP_4" }
    if input.hasPrefix("Generate a title") { return "LaMP_5" }
    if input.hasPrefix("Paraphrase") { return "LaMP_7" }
    if input.contains("review:") { return "LaMP_3" }
    if input.contains("description:") { return "LaMP_2" }
    return nil
  }

  /// What a question is about: the part after its marker.
  private static func subject(of input: String, task: String?) -> Substring {
    guard let end = markerEnd(in: input, task: task) else { return input[...] }
    return input[end...]
  }

  /// A question up to where its subject starts.
  private static func opening(of input: String, task: String?) -> String? {
    markerEnd(in: input, task: task).map { end in
      let opening = String(input[..<end])
      return opening.last == " " ? opening : opening + " "
    }
  }

  private static func markerEnd(in input: String, task: String?) -> String.Index? {
    let named = task.flatMap { TaskWording(task: $0)?.marker }
    for marker in [named, "description:", "article:", "review:", ":"].compactMap({ $0 }) {
      if let found = input.range(of: marker) { return found.upperBound }
    }
    return nil
  }

  private struct Question: Decodable {
    let id: Name
    let userID: Name?
    let input: String
    let profile: [Entry]
    var user: String { userID?.text ?? "" }

    private enum CodingKeys: String, CodingKey {
      case id, input, profile
      case userID = "user_id"
    }
  }

  private struct Entry: Decodable {
    let id: Name
    let title, text, abstract, description: String?
    let tag, category, score, date: Name?
  }

  private struct Answers: Decodable {
    let task: String?
    let golds: [Answer]
  }

  private struct Answer: Decodable {
    let id: Name
    let output: Name
  }

  /// A text or a number, where files disagree.
  private struct Name: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self.text = text
      } else {
        let number = try container.decode(Double.self)
        text = Int(exactly: number).map(String.init) ?? String(number)
      }
    }
  }
}

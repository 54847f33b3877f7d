import Foundation

/// Reads LaMP questions with their answers, which may stand in several files.
///
/// A user's profile becomes history; questions from `dev_questions` become validation, those from
/// `test_questions` test, those from `train_questions` history. A file of outputs answers the
/// questions of the file with the same stem alone, because every split may count its questions
/// from 0. A JSON file that holds a list of plain objects is read like JSON Lines.
struct LaMPReader {
  private let options: ReadingOptions
  private var questions: [(question: LaMPQuestion, path: String, number: Int)] = []
  /// The answers by the stem of their file, and by the question's id.
  private var answers: [String: [String: String]] = [:]
  private var answerCount = 0
  /// Answers from files whose names promise no side, by the stem too.
  private var sideless: Set<String> = []
  private var task: String?

  init(options: ReadingOptions) { self.options = options }

  /// How many questions were read so far, answers among them.
  var count: Int { questions.count + answerCount }

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
    if let list = try? decoder.decode([LaMPItem].self, from: data) {
      // An item that is broken must not change what the others are.
      let isQuestions = list.count(where: \.isQuestion) * 2 >= list.count
      for (at, item) in list.enumerated() {
        let place = "item \(at + 1)"
        if isQuestions, let question = item.question {
          if question.brokenEntries > 0 {
            reading.note(
              path, .brokenItem, count: question.brokenEntries, first: "profile of \(place)",
              .skipped)
          }
          questions.append((question, path, at + 1))
        } else if !isQuestions, let object = item.object {
          JSONLinesReader.add(
            object, path: path, place: place, line: at + 1, options, into: &reading)
        } else {
          reading.note(path, .brokenItem, first: place, .skipped)
        }
      }
    } else if let file = try? decoder.decode(LaMPAnswers.self, from: data) {
      task = task ?? file.task
      let name = LaMPFileName(path)
      for (at, answer) in file.golds.enumerated() {
        guard let id = answer.id?.text, let output = answer.output?.text else {
          reading.note(path, .brokenItem, first: "answer \(at + 1)", .skipped)
          continue
        }
        answers[name.stem, default: [:]][id] = output
        answerCount += 1
      }
      if name.side == nil { sideless.insert(name.stem) }
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
    let stray = strayAnswers()
    var taken = Taken()
    var profile: [(entry: LaMPEntry, path: String)] = []
    // The questions of a user repeat the profile; an id may also be used again for another text.
    var known: [String: Set<String>] = [:]
    for (question, path, number) in own {
      for entry in question.profile
      where known[entry.id?.text ?? "", default: []].insert(entry.body).inserted {
        profile.append((entry, path))
      }
      let name = LaMPFileName(path)
      let answer = question.id.flatMap { (answers[name.stem] ?? stray)[$0.text] }
      add(question, answer, task, name, "\(path):\(number)", path, &taken, into: &reading)
    }
    let opening = own.first.flatMap { Self.opening(of: $0.question.input, task: task) }
    for (entry, path) in profile {
      add(entry, task, opening, path, taken, into: &reading)
    }
  }

  /// Answers that no file of questions goes with by name, as in one file for all splits.
  private func strayAnswers() -> [String: String] {
    let paired = Set(Set(questions.map(\.path)).map { LaMPFileName($0).stem })
    var stray: [String: String] = [:]
    for stem in sideless.subtracting(paired).sorted() {
      stray.merge(answers[stem] ?? [:]) { first, _ in first }
    }
    return stray
  }

  /// Stores what the questions so far leave for no one else.
  private struct Taken {
    var asked = AskedTexts()
    var ids: Set<String> = []
    /// The ids by stem.
    var questions: [String: Set<String>] = [:]
  }

  private func add(
    _ question: LaMPQuestion, _ answer: String?, _ task: String?, _ name: LaMPFileName,
    _ source: String, _ path: String, _ taken: inout Taken, into reading: inout Reading
  ) {
    let id = question.id?.text ?? "without an id"
    let input = TextDecoding.normalised(question.input)
    let about = TextDecoding.normalised(Self.subject(of: input, task: task))
    let side = name.side ?? .history
    let answer = answer.map(TextDecoding.normalised) ?? ""
    // A question of the history that nobody answered leaves the entry about it to be learned from.
    if side != .history || !answer.isEmpty { taken.asked.add(about) }
    guard !answer.isEmpty else {
      reading.note(path, .noAnswer, first: "question \(id)", .skipped)
      return
    }
    // Another file may use the same id for another question; in one file it is the same again.
    guard taken.questions[name.stem, default: []].insert(id).inserted,
      let free = [id, "\(side.rawValue)/\(id)", "\(name.stem)/\(id)"].first(where: {
        !taken.ids.contains($0)
      })
    else {
      reading.note(path, .repeatedID, first: id, .skipped)
      return
    }
    if free != id { reading.note(path, .repeatedID, first: id, .renamed) }
    taken.ids.insert(free)
    reading.add(
      Record(id: free, source: source, text: about, task: task, input: input, output: answer),
      on: side)
  }

  private func add(
    _ entry: LaMPEntry, _ task: String?, _ opening: String?, _ path: String, _ taken: Taken,
    into reading: inout Reading
  ) {
    let text = TextDecoding.normalised(entry.body)
    let id = entry.id?.text ?? RecordName.of(text)
    guard !text.isEmpty else {
      reading.note(path, .noText, first: "profile entry \(id)", .skipped)
      return
    }
    guard !taken.asked.hold(text) else {
      reading.note(path, .askedLater, first: "profile entry \(id)", .skipped)
      reading.askedLater += 1
      return
    }
    if entry.id == nil { reading.note(path, .noID, first: "profile entry \(id)", .renamed) }
    let title = (entry.title?.text).map(TextDecoding.normalised).flatMap { $0.isEmpty ? nil : $0 }
    let label = (entry.tag ?? entry.category ?? entry.score).map { $0.text.trimmed }
    var date: String?
    if let written = entry.date, !written.text.isEmpty {
      date = CalendarDate.inField(written.text)
      if date == nil { reading.note(path, .date, first: "profile entry \(id)", .leftUndated) }
    }
    reading.add(
      Record(
        id: id, date: date, source: path, text: text, title: title, task: task,
        input: label == nil ? nil : opening.map { $0 + text }, output: label), on: .history)
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
}

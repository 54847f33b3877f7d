import Bytes
import Corpus
import Foundation

/// Puts an assignment into words for a model that follows instructions, and reads its replies.
enum ChatWording {
  /// The messages of a chat request.
  static func messages(for assignment: Assignment, profile: String, count: Int) -> JSON {
    [
      ["role": "system", "content": .string(system(assignment, profile))],
      ["role": "user", "content": .string(user(assignment, count))],
    ]
  }

  private static func system(_ assignment: Assignment, _ profile: String) -> String {
    var text = """
      You write new examples in the manner of one person, so that a small model can learn how that \
      person writes. Keep to the person's tone, habits of wording, sentence length and punctuation. \
      Never copy a sentence from the examples, and never write about yourself.
      """
    if !profile.isEmpty { text += "\n\nWhat is known of the person's style:\n" + profile }
    text +=
      assignment.isTask
      ? "\n\nReply with JSON alone: {\"samples\": [{\"input\": \"…\", \"output\": \"…\"}]}"
      : "\n\nReply with JSON alone: {\"samples\": [{\"text\": \"…\"}]}"
    return text
  }

  private static func user(_ assignment: Assignment, _ count: Int) -> String {
    var text = "Texts of the person:\n"
    for (number, record) in (assignment.examples + [assignment.subject]).enumerated() {
      let rendering = Rendering(record)
      text += "\n--- \(number + 1)\n"
      text +=
        assignment.isTask
        ? "input: \(rendering.prompt.trimmingSpace)\noutput: \(rendering.completion)\n"
        : rendering.completion + "\n"
    }
    let what =
      assignment.isTask
      ? "pair\(count == 1 ? "" : "s") of input and output" : "text\(count == 1 ? "" : "s")"
    let length = Words.lowercased(Rendering(assignment.subject).completion).count
    return text + """

      Write \(count) new \(what) that the person could have written, on other subjects than the \
      examples\(assignment.isTask ? "" : ", of some \(max(5, length)) words each").
      """
  }

  /// Finds samples in the reply of a chat server: its whole body.
  static func drafts(in body: String, isTask: Bool) -> [Draft]? {
    guard let response = try? JSON(parsing: body),
      let content = response["choices"]?.arrayValue?.first?["message"]?["content"]?.stringValue,
      let json = json(in: content)
    else { return nil }
    let items: [JSON]
    if let list = json.arrayValue {
      items = list
    } else if let list = ["samples", "texts", "examples", "items", "data"].lazy
      .compactMap({ json[$0]?.arrayValue }).first
    {
      items = list
    } else {
      items = [json]
    }
    let drafts = items.compactMap { draft($0, isTask: isTask) }
    return drafts.isEmpty ? nil : drafts
  }

  private static func draft(_ item: JSON, isTask: Bool) -> Draft? {
    if isTask {
      guard let input = item["input"]?.stringValue?.trimmingSpace, !input.isEmpty,
        let output = (item["output"]?.stringValue ?? item["output"]?.intValue.map(String.init))?
          .trimmingSpace,
        !output.isEmpty
      else { return nil }
      return Draft(prompt: input + "\n", completion: output)
    }
    let text = item.stringValue ?? item["text"]?.stringValue ?? item["content"]?.stringValue
    guard let text = text?.trimmingSpace, !text.isEmpty else { return nil }
    return Draft(completion: text)
  }

  /// The JSON in a reply: after a model's thoughts, inside a code fence, amid other words.
  private static func json(in content: String) -> JSON? {
    var text = content[...]
    if let end = text.range(of: "</think>") { text = text[end.upperBound...] }
    if let whole = try? JSON(parsing: String(text)) { return whole }
    for (open, close) in [("{", "}"), ("[", "]")] as [(Character, Character)] {
      guard let start = text.firstIndex(of: open), let end = text.lastIndex(of: close), start < end
      else { continue }
      if let part = try? JSON(parsing: String(text[start...end])) { return part }
    }
    // One object a line.
    let lines = text.split(whereSeparator: \.isNewline).compactMap { line -> JSON? in
      guard let value = try? JSON(parsing: String(line)), value.objectValue != nil else {
        return nil
      }
      return value
    }
    return lines.isEmpty ? nil : .array(lines)
  }
}

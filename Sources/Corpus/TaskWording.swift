/// Stores how a LaMP task words its question, and which part of an entry is asked for.
///
/// The texts are the benchmark's own, so that what is trained on looks like what is asked.
public struct TaskWording: Equatable, Sendable {
  /// The task's name in LaMP files, such as `LaMP_4`.
  public let task: String
  /// What stands before the text of an entry.
  public let opening: String
  /// What the text follows in a question; the part after it is what the question is about.
  public let marker: String

  /// The tasks whose question can be made from a profile entry alone.
  public static let all: [TaskWording] = [
    TaskWording(
      task: "LaMP_3",
      opening: "What is the score of the following review on a scale of 1 to 5? "
        + "just answer with 1, 2, 3, 4, or 5 without further explanation. review: ",
      marker: "review:"),
    TaskWording(
      task: "LaMP_4", opening: "Generate a headline for the following article: ",
      marker: "article:"),
    TaskWording(
      task: "LaMP_5", opening: "Generate a title for the following abstract of a paper: ",
      marker: "paper:"),
    TaskWording(
      task: "LaMP_6", opening: "Generate a subject for the following email: ", marker: "email:"),
  ]

  /// The wording of a task; nil if its question needs more than the entry.
  public init?(task: String) {
    guard let known = Self.all.first(where: { $0.task == task }) else { return nil }
    self = known
  }

  private init(task: String, opening: String, marker: String) {
    self.task = task
    self.opening = opening
    self.marker = marker
  }
}

/// Stores one normalised piece of a user's own writing or history.
///
/// Free text has `text` alone. A task record (LaMP) names its `task` and has either the fields of
/// a profile entry (`title` and `text`), or a question with its answer (`input` and `output`).
public struct Record: Codable, Equatable, Sendable {
  /// Names the record within its user; stays the same when other records come and go.
  public var id: String
  /// When it was written, as its content says: `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or with a time after
  /// a `T`; nil where the content does not say.
  public var date: String?
  /// The work, thread or file it belongs to; a group never lies on two sides of a split.
  public var group: String
  /// Where it was read: a path relative to the source, `:` and a line where there are many in one.
  public var source: String
  /// What was written. Of a question: the text it asks about.
  public var text: String
  /// What the text is called, where it is called anything.
  public var title: String?
  /// The task it is an example of, such as `LaMP_4`.
  public var task: String?
  /// The question put, in the task's wording.
  public var input: String?
  /// The answer to the question.
  public var output: String?

  public init(
    id: String, date: String? = nil, group: String? = nil, source: String = "", text: String,
    title: String? = nil, task: String? = nil, input: String? = nil, output: String? = nil
  ) {
    self.id = id
    self.date = date
    self.group = group ?? id
    self.source = source
    self.text = text
    self.title = title
    self.task = task
    self.input = input
    self.output = output
  }
}

/// Says why texts could not be read, written or divided.
public enum CorpusError: Error, Equatable, Sendable {
  /// A line of a JSON Lines file is not what it should be; lines count from 1.
  case line(Int, reason: String)
  /// A value cannot be written as JSON.
  case unwritable(index: Int, reason: String)
  /// Compressed content is broken or cut short.
  case compressed(reason: String)
  /// A file is not what its format demands.
  case format(path: String, reason: String)
  /// Nothing readable was found among the files given.
  case noRecords(files: Int, problems: [String])
  /// There are too few records, or groups and dates, to make three sides.
  case unsplittable(records: Int, units: Int, largest: String)
  /// A questions file has several users and none was chosen, or not the one asked for.
  case user(asked: String, known: [String])
}

extension CorpusError: CustomStringConvertible {
  /// What happened, where, and what to do next.
  public var description: String {
    switch self {
    case .line(let number, let reason):
      "line \(number) cannot be read: \(reason) · correct the line or leave it out"
    case .unwritable(let index, let reason):
      "item \(index) cannot be written as JSON: \(reason)"
    case .compressed(let reason):
      "the compressed file cannot be read: \(reason) · fetch or compress it again"
    case .format(let path, let reason):
      "\(path) cannot be read: \(reason)"
    case .noRecords(let files, let problems):
      "no text found in \(files) file\(files == 1 ? "" : "s")"
        + (problems.isEmpty ? "" : " (\(problems.joined(separator: "; ")))")
        + " · give a folder of .txt or .md files, JSON Lines, CSV or LaMP questions"
    case .unsplittable(let records, let units, let largest):
      "\(records) record\(records == 1 ? "" : "s") in \(units) group\(units == 1 ? "" : "s")"
        + " cannot be split into history, validation and test"
        + (largest.isEmpty ? "" : " (the largest: \(largest))")
        + " · at least 3 records that share neither group nor date are needed, and from 20 records"
        + " on at least 3 records on each side: add texts, or divide long works with"
        + " divide_groups=true"
    case .user(let asked, let known):
      (asked.isEmpty
        ? "the questions are of \(known.count) users and none is chosen"
        : "no user \(asked) among the \(known.count) of the questions")
        + " · set user to one of \(known.prefix(5).joined(separator: ", "))"
        + (known.count > 5 ? " …" : "")
    }
  }
}

/// Stores what was read of a source: records, where the source places them, and what was wrong.
public struct Reading: Sendable {
  /// In the order of the files and of the lines in them.
  public internal(set) var records: [Record] = []
  /// The side of a record, by id, where the source brings a split of its own.
  public internal(set) var sides: [String: Side] = [:]
  public internal(set) var problems: [Problem] = []
  /// How many files were read, and how many were left out.
  public internal(set) var filesRead = 0
  public internal(set) var filesSkipped = 0
  /// How many records were dropped for repeating another one exactly.
  public internal(set) var duplicates = 0
  /// How many entries of the history were dropped because a question asks about them.
  public internal(set) var askedLater = 0
  /// What the source brings, by the place of a record: ids are not unique while files are read.
  private var placed: [Int: Side] = [:]
  /// The places of the records whose dates stood in file names alone.
  private var datedByName: Set<Int> = []

  public init() {}

  /// Reads all files of a source; what is wrong with one never keeps the others from being read.
  /// - Throws: `CorpusError.noRecords` if nothing at all is left, `.user` if a questions file needs
  ///   a user to be chosen.
  public init(
    _ files: [SourceFile], options: ReadingOptions = ReadingOptions()
  ) throws(CorpusError) {
    var questions = LaMPReader(options: options)
    for file in files.sorted(by: { Array($0.path.utf8).lexicographicallyPrecedes($1.path.utf8) }) {
      read(file, options, &questions)
    }
    try questions.finish(into: &self)
    makeIDsUnique()
    for (at, side) in placed { sides[records[at].id] = side }
    let named = Set(datedByName.map { records[$0].id })
    dropDuplicates()
    doubtDates(of: named)
    guard !records.isEmpty else {
      throw .noRecords(
        files: files.count, problems: problems.prefix(5).map(\.description))
    }
  }

  /// Notes a problem; more of the same kind in the same file are counted, not listed.
  mutating func note(
    _ path: String, _ kind: Problem.Kind, count: Int = 1, first: String? = nil,
    _ action: Problem.Action
  ) {
    if let at = problems.lastIndex(where: {
      $0.path == path && $0.kind == kind && $0.action == action
    }) {
      problems[at].count += count
    } else {
      problems.append(Problem(path: path, kind, count: count, first: first, action: action))
    }
  }

  private mutating func read(
    _ file: SourceFile, _ options: ReadingOptions, _ questions: inout LaMPReader
  ) {
    let before = records.count + questions.count
    defer {
      if records.count + questions.count > before { filesRead += 1 } else { filesSkipped += 1 }
    }
    guard let text = text(of: file, options) else { return }
    let kind =
      options.kind
      ?? (file.path.isEmpty
        ? SourceKind(content: text, columns: options.columns) : SourceKind(path: file.path))
    switch kind {
    case .text: TextReader.read(text, path: file.path, options, into: &self)
    case .jsonl: JSONLinesReader.read(text, path: file.path, options, into: &self)
    case .csv: CSVReader.read(text, path: file.path, options, into: &self)
    case .lamp: questions.read(text, path: file.path, into: &self)
    case nil: note(file.path, .unknownKind, .skipped)
    }
  }

  /// The decoded text of a file; nil, with a problem noted, where there is none.
  private mutating func text(of file: SourceFile, _ options: ReadingOptions) -> String? {
    if options.kind == nil, !file.path.isEmpty, SourceKind(path: file.path) == nil {
      note(file.path, .unknownKind, .skipped)
      return nil
    }
    guard file.size <= options.maximumFileBytes else {
      note(file.path, .giant, first: "\(file.size) bytes", .skipped)
      return nil
    }
    var bytes: [UInt8]
    do {
      bytes = try file.read()
    } catch {
      note(file.path, .unreadable, first: String(describing: error), .skipped)
      return nil
    }
    if Gzip.isCompressed(bytes) {
      do {
        bytes = try Gzip.inflated(bytes, limit: options.maximumFileBytes)
      } catch {
        note(file.path, .compressed, first: String(describing: error), .skipped)
        return nil
      }
    }
    let outcome = TextDecoding.decode(bytes)
    for (kind, action, count) in outcome.problems { note(file.path, kind, count: count, action) }
    guard let text = outcome.text else { return nil }
    if text.unicodeScalars.allSatisfy({ $0.properties.isWhitespace || $0 == "\u{FEFF}" }) {
      note(file.path, .empty, .skipped)
      return nil
    }
    return text
  }

  /// Cuts a text into records of one group where it is long.
  mutating func add(_ record: Record, _ options: ReadingOptions) {
    guard record.input == nil, record.task == nil else {
      records.append(record)
      return
    }
    let passages = Passages.cut(record.text, limit: options.passageCharacters)
    guard passages.count > 1 else {
      records.append(record)
      return
    }
    for (index, passage) in passages.enumerated() {
      var part = record
      part.id = "\(record.id)#\(index + 1)"
      part.text = passage
      records.append(part)
    }
  }

  /// Takes in a record whose side the source brings.
  mutating func add(_ record: Record, on side: Side) {
    placed[records.count] = side
    records.append(record)
  }

  /// Takes in a text with the date that its file's name begins with, if any.
  mutating func add(_ record: Record, dateInName date: String?, _ options: ReadingOptions) {
    var record = record
    record.date = date
    let start = records.count
    add(record, options)
    if date != nil { datedByName.formUnion(start..<records.count) }
  }

  /// Leaves out the dates of file names where they allow no split but their absence does.
  ///
  /// Notes that were all exported on one day are named after it, whenever they were written.
  private mutating func doubtDates(of named: Set<String>) {
    guard !named.isEmpty, (try? Split(records, keeping: sides)) == nil else { return }
    var undated = records
    var changed: [Int] = []
    for at in undated.indices where named.contains(undated[at].id) {
      undated[at].date = nil
      changed.append(at)
    }
    guard let first = changed.first, (try? Split(undated, keeping: sides)) != nil else { return }
    records = undated
    note(file(of: records[first]), .nameDates, count: changed.count, .leftUndated)
  }

  private mutating func makeIDsUnique() {
    var used: Set<String> = []
    // What is taken stays taken, so a search goes on where the last one for the same id ended.
    var next: [String: Int] = [:]
    for at in records.indices {
      let id = records[at].id
      guard !used.insert(id).inserted else { continue }
      var number = next[id] ?? 2
      while !used.insert("\(id)~\(number)").inserted { number += 1 }
      next[id] = number + 1
      note(file(of: records[at]), .repeatedID, first: id, .renamed)
      if records[at].group == id { records[at].group = "\(id)~\(number)" }
      records[at].id = "\(id)~\(number)"
    }
  }

  private func file(of record: Record) -> String {
    guard let colon = record.source.lastIndex(of: ":"),
      record.source[record.source.index(after: colon)...].allSatisfy(\.isNumber)
    else { return record.source }
    return String(record.source[..<colon])
  }

  /// Drops records whose content another one has: the oldest stays, or, where the source brings a
  /// split, the one that is tested on.
  private mutating func dropDuplicates() {
    struct Content: Hashable {
      let text, title, input, output: String?
    }
    func rank(_ record: Record) -> (Int, String, String) {
      let side = sides[record.id].map { [.test: 0, .validation: 1, .history: 2][$0] ?? 2 } ?? 2
      return (side, record.date ?? "~", record.id)
    }
    var best: [Content: Int] = [:]
    var dropped: Set<Int> = []
    for (at, record) in records.enumerated() {
      let isTask = record.task != nil || record.output != nil
      let content = Content(
        text: record.input == nil ? record.text : nil, title: isTask ? record.title : nil,
        input: record.input, output: record.output)
      guard let other = best[content] else {
        best[content] = at
        continue
      }
      if rank(record) < rank(records[other]) {
        dropped.insert(other)
        best[content] = at
      } else {
        dropped.insert(at)
      }
    }
    guard !dropped.isEmpty else { return }
    duplicates = dropped.count
    for at in dropped { sides[records[at].id] = nil }
    records = records.indices.filter { !dropped.contains($0) }.map { records[$0] }
  }
}

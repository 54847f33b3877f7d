import Bytes

/// Puts results into a table for people, and one continuation of every user below it.
struct ResultTable {
  private let results: [UserResult]

  init(_ results: [UserResult]) { self.results = results }

  var text: String {
    var text = table + "\n" + legend
    for result in results {
      if let failure = result.failure { text += "\n\(failure)\n" }
      if let note = result.note { text += "\n\(note)\n" }
      if let ships = result.ships, ships != "personal" {
        text += "\n\(result.user): \(ships) is best on validation texts, so the bundle ships that\n"
      }
      if let continuation = result.continuation { text += "\n" + side(result.user, continuation) }
    }
    return text
  }

  // MARK: Table

  private var table: String {
    var rows = [
      [
        "user", "real samples", "synthetic", "base", "real only", "personal", "as shipped", "size",
        "bundle",
      ]
    ]
    for result in results {
      func loss(_ arm: String) -> String { result.losses[arm].map { Self.fixed($0) } ?? "–" }
      rows.append([
        result.user, result.realSamples.map { "\($0)" } ?? "–",
        result.acceptedSamples.map { "\($0)" } ?? "–", loss("base"), loss("real"),
        loss("personal"), loss("shipped"),
        result.bundle == nil ? "–" : Terminal.size(result.bundleSize),
        result.isDamaged ? "damaged" : result.path ?? result.bundle?.description ?? "none",
      ])
    }
    return Terminal.table(Self.alignedRight(rows, columns: 1...7))
  }

  private var legend: String {
    """
    synthetic: samples the teacher wrote that the filter accepted. base … as shipped: test loss,
    nats per token of texts that nothing was trained on or chosen by; less is better.

    """
  }

  /// Three decimals, the same everywhere.
  private static func fixed(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    let rest = String(abs(thousandths) % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }

  private static func alignedRight(_ rows: [[String]], columns: ClosedRange<Int>) -> [[String]] {
    var rows = rows
    for column in columns {
      let width = rows.map { $0[column].count }.max() ?? 0
      for row in rows.indices {
        rows[row][column] =
          String(repeating: " ", count: width - rows[row][column].count) + rows[row][column]
      }
    }
    return rows
  }

  // MARK: Side by side

  private static let names = ["base": "base", "real": "real only", "personal": "personal"]

  private func side(_ user: String, _ continuation: Continuation) -> String {
    var rows = [("", continuation.opening + " …"), ("as written", continuation.written)]
    rows += continuation.arms.map { (Self.names[$0.name] ?? $0.name, $0.text) }
    let margin = (rows.map { $0.0.count }.max() ?? 0) + 4
    var text = "\(user), a held-out text continued (\(continuation.record)):\n"
    for (name, words) in rows {
      let lead = "  " + name + String(repeating: " ", count: margin - 2 - name.count)
      let indent = String(repeating: " ", count: margin)
      text +=
        lead + Self.wrapped(words, width: 100 - margin).joined(separator: "\n" + indent) + "\n"
    }
    return text
  }

  /// Lines of whole words, at most so many characters each where the words allow it.
  private static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.isEmpty ? [""] : lines
  }
}

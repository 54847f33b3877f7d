import Bytes
import Formats

/// Stores what there is to know of the files that were written: size, bits, losses.
struct Report {
  /// One type's row.
  struct Row {
    let type: GGUFFileType
    /// Of the whole file, and of its tensors.
    var bytes = 0
    var tensorBytes = 0
    /// How many tensors there are of each type.
    var tensors: [String: Int] = [:]
    /// The tensors whose rows are no whole blocks of the type they should have had.
    var fallen: [String] = []
    /// On the validation texts, where there are any.
    var loss: Double?
    var logitError: Double?

    init(type: GGUFFileType) { self.type = type }
  }

  /// The file that was written comes first.
  let rows: [Row]
  let unquantised: (loss: Double, tokens: Int)?
  /// Tokens that the importance of columns was measured on; 0 if it was not.
  let importanceTokens: Int
  let parameters: Int
  /// Whether there is an adapter that GGUF cannot hold alone.
  let lacksAdapter: Bool

  static let whyNoAdapter =
    "the adapter has magnitudes (DoRA), which GGUF adapters cannot hold; model.gguf has it merged in, "
    + "and peft is the adapter alone"

  private func bits(_ row: Row) -> Double {
    Double(8 * row.tensorBytes) / Double(max(parameters, 1))
  }

  var json: JSON {
    var facts: [String: JSON] = [
      "type": .string(rows.first?.type.name ?? ""), "parameters": .int(parameters),
      "imatrix_tokens": .int(importanceTokens),
      "types": .array(
        rows.map { row in
          var facts: [String: JSON] = [
            "type": .string(row.type.name), "bytes": .int(row.bytes),
            "bits_per_weight": .double(bits(row)),
            "tensors": .object(row.tensors.mapValues { .int($0) }),
            "fell_back": .array(row.fallen.map { .string($0) }),
          ]
          if let loss = row.loss { facts["loss"] = .double(loss) }
          if let error = row.logitError { facts["logit_error"] = .double(error) }
          return .object(facts)
        }),
    ]
    if lacksAdapter { facts["no_adapter_gguf"] = .string(Self.whyNoAdapter) }
    if let unquantised {
      facts["unquantised"] = [
        "loss": .double(unquantised.loss), "tokens": .int(unquantised.tokens),
      ]
    }
    return .object(facts)
  }

  /// The same as a table for people.
  var markdown: String {
    func decimals(_ number: Double?, _ digits: Int) -> String {
      guard let number, number.isFinite, abs(number) < 1e9 else { return "–" }
      var scale = 1.0
      for _ in 0..<digits { scale *= 10 }
      let whole = Int((abs(number) * scale).rounded())
      let rest = "\(whole % Int(scale))"
      let sign = number < 0 ? "−" : ""
      return
        "\(sign)\(whole / Int(scale))." + String(repeating: "0", count: digits - rest.count) + rest
    }
    var lines = [
      "| type | MB | bits per weight | validation loss | more than unquantised | logit error |",
      "|---|---|---|---|---|---|",
    ]
    for row in rows {
      let more = row.loss.flatMap { loss in unquantised.map { loss - $0.loss } }
      lines.append(
        "| \(row.type.name) | \(decimals(Double(row.bytes) / 1e6, 1)) | \(decimals(bits(row), 2)) "
          + "| \(decimals(row.loss, 4)) | \(decimals(more, 4)) | \(decimals(row.logitError, 4)) |")
    }
    var text = lines.joined(separator: "\n") + "\n"
    if let unquantised {
      text +=
        "\nUnquantised, on the same \(unquantised.tokens) tokens: \(decimals(unquantised.loss, 4)).\n"
    }
    if importanceTokens > 0 {
      text += "\nRounded by the importance of columns on \(importanceTokens) tokens.\n"
    }
    if lacksAdapter { text += "\nNo adapter.gguf: \(Self.whyNoAdapter).\n" }
    return text
  }
}

import Bytes
import Formats
import PersonalLM

/// Writes the README.md of a bundle: what it is, what it was made from, how good it is, how to use
/// it.
struct ModelCard {
  let text: String

  init(_ facts: BundleFacts, files: [String]) {
    var parts = [Self.header(facts), Self.opening(facts)]
    parts.append(Self.origin(facts))
    parts.append(Self.shipped(facts))
    if let metrics = Self.measures(facts) { parts.append(metrics) }
    if let profile = facts.profile { parts.append(Self.manner(profile)) }
    parts.append(Self.use(facts, files))
    parts.append(Self.contents(files))
    parts.append(Self.limits(facts, files))
    text = parts.joined(separator: "\n")
  }

  private static func header(_ facts: BundleFacts) -> String {
    """
    ---
    license: \(facts.baseLicence == BundleFacts.unknown ? "other" : facts.baseLicence)
    library_name: gguf
    pipeline_tag: text-generation
    tags:
    - personal
    - lora
    ---

    """
  }

  private static func opening(_ facts: BundleFacts) -> String {
    """
    # A personal language model

    A small language model that continues text in one person's manner. It was made from that person's own texts with
    plm and runs offline.

    """
  }

  private static func origin(_ facts: BundleFacts) -> String {
    let config = facts.config
    var lines = [
      "## What it was made from", "",
      "- Base: \(facts.baseName) (\(count(config.parameterCount)) weights, \(config.layerCount) layers, "
        + "vocabulary of \(count(config.vocabularySize)), context of \(count(config.maximumPositions)) tokens; "
        + "`\(facts.baseDigest.short)…`)",
    ]
    if let records = facts.records?["records"]?.int {
      let dropped = facts.records?["duplicatesDropped"]?.int ?? 0
      lines.append(
        "- Own texts: \(count(records))"
          + (dropped > 0 ? ", \(count(dropped)) duplicates left out" : ""))
      let split = facts.records?["split"]?["records"]
      if let history = split?["history"]?.int, let validation = split?["validation"]?.int,
        let test = split?["test"]?.int
      {
        lines.append(
          "- Of these \(count(history)) to learn from, \(count(validation)) to decide by, \(count(test)) to "
            + "measure with")
      }
    }
    if let samples = facts.samples?["samples"]?.int, let accepted = facts.samples?["accepted"]?.int
    {
      lines.append("- Synthetic texts: \(count(accepted)) accepted of \(count(samples)) written")
    }
    if let adapter = facts.adapter {
      lines.append(
        "- Adapter: \(adapter.weightDecomposed ? "DoRA" : "LoRA") of rank \(adapter.rank), alpha \(number(adapter.alpha)), on "
          + adapter.targets.joined(separator: ", "))
    }
    lines.append("- Stored as: \(facts.type)")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func shipped(_ facts: BundleFacts) -> String {
    let what =
      switch facts.gate.ships {
      case .base: "The base alone answers."
      case .baseRetrieval: "The base answers, with the person's own texts before each prompt."
      case .personal: "The personal model answers."
      case .personalRetrieval:
        "The personal model answers, with the person's own texts before each prompt."
      }
    return "## What it ships\n\n\(what) Why: \(facts.gate.reason).\n"
  }

  private static func measures(_ facts: BundleFacts) -> String? {
    guard let arms = facts.metrics?["arms"]?.members, !arms.isEmpty else { return nil }
    var lines = [
      "## How good it is", "",
      "Measured on texts of the same person that were neither learned from nor used to decide anything. Lower is "
        + "better.", "",
      "| arm | loss per token | bits per byte |", "|---|---|---|",
    ]
    for arm in arms.sorted(by: { $0.name < $1.name }) {
      let loss = arm.value["loss"]?.number.map { decimals($0, 4) } ?? "–"
      let bits = arm.value["bits_per_byte"]?.number.map { decimals($0, 4) } ?? "–"
      lines.append("| \(arm.name) | \(loss) | \(bits) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func manner(_ profile: String) -> String {
    let lines = profile.split(separator: "\n").map { "> \($0)" }
    return "## The manner, in words\n\n" + lines.joined(separator: "\n>\n") + "\n"
  }

  private static func use(_ facts: BundleFacts, _ files: [String]) -> String {
    let isShared = !facts.sharedFiles.isEmpty
    let folder = isShared ? "../\(BundleManifest.baseFolder(of: facts.sharedFiles))/" : ""
    let adapter = isShared && files.contains("adapter.gguf") && facts.gate.ships.isPersonal
    let model = "\(folder)model.gguf" + (adapter ? " --lora adapter.gguf" : "")
    var lines = [
      "## How to use it", "", "With plm:", "", "```sh",
      "plm run --bundle . \"The first words of a text\"", "```", "",
    ]
    if facts.needsPLM {
      lines.append(
        "llama.cpp and Ollama cannot load a DoRA adapter: for them, `package` with `layout=merged` makes one "
          + "model of base and adapter. PEFT loads `adapter/` over the base it was trained on.")
    } else {
      lines += [
        "With llama.cpp:", "", "```sh",
        "llama-completion -m \(model) -no-cnv -p \"The first words of a text\"", "```",
      ]
    }
    if isShared {
      lines += [
        "", "The base lies beside this folder, in `\(folder)`, where others may share it.",
      ]
    } else if files.contains("adapter.gguf"), facts.gate.ships.isPersonal {
      lines += [
        "",
        "`model.gguf` has the adapter merged in. `adapter.gguf` is the adapter alone, for use over the base "
          + "(`llama-completion -m base.gguf --lora adapter.gguf …`); `adapter/` is the same for PEFT.",
      ]
    } else if facts.adapter?.weightDecomposed == true, facts.gate.ships.isPersonal {
      lines += [
        "",
        "`model.gguf` has the adapter merged in. `adapter/` is the adapter alone, for PEFT; it is DoRA, which "
          + "llama.cpp cannot load.",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func contents(_ files: [String]) -> String {
    let known = [
      ("model.gguf", "the model"), ("adapter.gguf", "the adapter for llama.cpp"),
      (
        "adapter/",
        "the adapter for PEFT"
          + (files.contains("adapter/training.jsonl") ? ", with the log of its training" : "")
      ),
      ("tokenizer.json", "the vocabulary"), ("tokenizer.model", "the vocabulary"),
      ("added_tokens.json", "the tokens that were added to it"),
      ("tokenizer_config.json", "which tokens begin and end texts"),
      ("chat_template.jinja", "how conversations are put to the model"),
      ("Modelfile", "how Ollama takes it in"),
      ("index.json", "the index over the person's own texts, and the texts themselves"),
      ("licences/", "the licence of the base"),
    ]
    var lines = ["## What is here", ""]
    for (path, meaning) in known
    where files.contains(where: { path.hasSuffix("/") ? $0.hasPrefix(path) : $0 == path }) {
      lines.append("- `\(path)`: \(meaning)")
    }
    lines.append("- `manifest.json`: the digest of every file, parameters and figures")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func limits(_ facts: BundleFacts, _ files: [String]) -> String {
    let index =
      files.contains("index.json")
      ? " The index holds the texts themselves." : ""
    let licence =
      facts.baseLicence == BundleFacts.unknown
      ? "The base does not name its licence: find it out before passing anything on."
      : "The base's licence is \(facts.baseLicence); what is built on it is bound by it too."
    return """
      ## Limits and rights

      - It imitates a manner; it knows little and makes things up.
      - Private: a model trained on a person's texts can repeat parts of them.\(index) Pass it on only with that
        person's consent.
      - \(licence)

      """
  }

  /// A whole number with thousands set apart.
  private static func count(_ value: Int) -> String {
    var digits = Array(String(abs(value)))
    var place = digits.count - 3
    while place > 0 {
      digits.insert(",", at: place)
      place -= 3
    }
    return (value < 0 ? "-" : "") + String(digits)
  }

  private static func number(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? "\(value)"
  }

  private static func decimals(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = Int((abs(value) * scale).rounded())
    let fraction = String(scaled % Int(scale))
    return (value < 0 ? "-" : "") + "\(scaled / Int(scale))."
      + String(repeating: "0", count: places - fraction.count) + fraction
  }
}

import Bytes
import Graph
import Testing

/// Reads a pipeline and checks it against three small stages.
func checked(_ text: String) throws(InvalidPipeline) -> CheckedPipeline {
  try Pipeline(parsing: text, file: "p.yaml").checked(against: stages)
}

let stages: [String: StageDescription] = [
  "ingest": StageDescription(
    name: "ingest", version: 1, inputs: [.init("source")],
    outputs: [.init("history"), .init("test")]),
  "train": StageDescription(
    name: "train", version: 3,
    inputs: [.init("base"), .init("tokens"), .init("heldout", optional: true)],
    outputs: [.init("adapter", optional: true, when: ["method": "lora"])],
    parameters: [
      ParameterDescription("rank", .int, default: 8, minimum: 1, maximum: 1024),
      ParameterDescription("rate", .double, default: 0.001),
      ParameterDescription("method", .string, default: "lora", choices: ["lora", "full"]),
      ParameterDescription("threads", .int, default: 0, execution: true),
    ]),
  "table": StageDescription(
    name: "table", version: 1, inputs: [.init("adapters")], outputs: [.init("table")]),
]

let small = """
  version: 1
  sources: { base: base, history: "{user.source}" }
  nodes:
    ingest: { stage: ingest, in: { source: history } }
    train: { stage: train, in: { base: base, tokens: ingest.history }, set: { rank: 16 } }
    table: { stage: table, scope: gather, in: { adapters: "*.train.adapter" } }
  """

/// The words of all that is wrong with a pipeline.
func complaints(_ text: String) -> String {
  do throws(InvalidPipeline) {
    _ = try checked(text)
    return "nothing wrong"
  } catch {
    return error.description
  }
}

@Suite struct PipelineReaderTests {
  @Test func `a pipeline is read with scopes, settings and order`() throws {
    let pipeline = try checked(small)
    #expect(pipeline.steps.map(\.name) == ["ingest", "train", "table"])
    #expect(pipeline.steps[1].scope == .user)
    #expect(pipeline.steps[1].settings == ["rank": 16])
    #expect(pipeline.steps[1].keyParameters == ["rank": 16, "rate": 0.001, "method": "lora"])
    #expect(pipeline.steps.map(\.phase) == [0, 0, 1])
  }

  @Test func `numbers are the same however they are written`() throws {
    let keys = try ["8", "8.0", "\"8\"", "8e0"].map { text in
      try checked(small.replacing("rank: 16", with: "rank: \(text)")).steps[1].keyParameters
    }
    #expect(Set(keys).count == 1)
  }

  @Test func `execution parameters are in no key but are passed on`() throws {
    let step = try checked(small.replacing("rank: 16", with: "threads: 4")).steps[1]
    #expect(step.keyParameters["threads"] == nil)
    #expect(step.settings["threads"] == 4)
  }

  @Test(arguments: [
    (
      "stage: train", "stage: trian",
      "p.yaml:5: node 'train' uses stage 'trian', which was not found; did you mean 'train'?"
    ),
    ("rank: 16", "rnak: 16", "sets unknown parameter 'rnak'; did you mean 'rank'?"),
    (
      "rank: 16", "rank: 0",
      "parameter 'rank' of node 'train' is '0'; it must be a whole number from 1 to 1024"
    ),
    ("rank: 16", "rank: 2.5", "must be a whole number"),
    ("rank: 16", "method: lroa", "must be one of lora, full"),
    (
      "rank: 16", "method: full",
      "reads 'train.adapter', which is not written with train.method=full, only with method=lora"
    ),
    ("rank: 16", "method: \"https://me:pw@host/v1\"", "a name or password in it"),
    (
      "tokens: ingest.history", "tokens: ingest.histroy",
      "has no output 'histroy'; did you mean 'history'?"
    ),
    ("tokens: ingest.history", "tokens: ingets.history", "did you mean 'ingest.history'?"),
    ("tokens: ingest.history", "tokns: ingest.history", "did you mean 'tokens'?"),
    (", tokens: ingest.history", "", "does not bind input 'tokens'"),
    ("base: base,", "base: bsae,", "neither a source nor NODE.OUTPUT; did you mean 'base'?"),
    ("set: { rank", "sett: { rank", "unknown key 'sett' in node 'train'; did you mean 'set'?"),
    ("nodes:", "noeds:", "unknown key 'noeds' in the pipeline; did you mean 'nodes'?"),
    ("scope: gather", "scope: gahter", "did you mean 'gather'?"),
    ("scope: gather", "scope: shared", "that needs 'scope: gather'"),
    ("\"*.train.adapter\"", "train.adapter", "reads 'train.adapter' of a single user"),
    ("version: 1", "version: 2", "this plm reads version 1"),
    ("version: 1\n", "", "the pipeline has no 'version'"),
    ("ingest: {", "in gest: {", "is no name for a node"),
    ("rank: 16 }", "rank: 16", "not valid YAML"),
    ("rank: 16 }", "rank: 16 }, resources: { memory: much }", "a size such as 2 GiB"),
    ("rank: 16 }", "rank: 16 }, command: [x]", "either 'stage' or 'command'"),
    ("rank: 16 }", "rank: 16 }, over: others.txt", "only a node with 'scope: gather'"),
  ])
  func `a mistake is named with its place and a suggestion`(
    _ old: String, _ new: String, _ words: String
  ) {
    let text = complaints(small.replacing(old, with: new))
    #expect(text.contains(words), "\(text)")
  }

  @Test func `all mistakes are told at once`() {
    let text = complaints(
      small.replacing("rank: 16", with: "rnak: 16").replacing("stage: table", with: "stage: tabel"))
    #expect(text.contains("rnak") && text.contains("tabel"), "\(text)")
  }

  @Test func `a cycle is shown as a path`() {
    let text = complaints(
      """
      version: 1
      nodes:
        a: { command: [cp, "{in.x}", "{out.y}"], in: { x: c.y }, out: [y] }
        b: { command: [cp, "{in.x}", "{out.y}"], in: { x: a.y }, out: [y] }
        c: { command: [cp, "{in.x}", "{out.y}"], in: { x: b.y }, out: [y] }
      """)
    #expect(text.contains("a → b → c → a"), "\(text)")
  }

  @Test func `the same key twice is an error`() {
    let text = complaints(small + "\n  ingest: { stage: ingest, in: { source: history } }")
    #expect(text.contains("twice") && text.contains("ingest"), "\(text)")
  }

  @Test(arguments: [
    "", "version: 1", "[]", "version: 1\nnodes: {}", "version: 1\nnodes: []", "{", "\t",
  ])
  func `nonsense is refused`(_ text: String) {
    #expect(complaints(text) != "nothing wrong")
  }

  @Test func `a command's places are checked`() {
    let text = complaints(
      """
      version: 1
      nodes:
        a: { command: [awk, "{ print }", "{in.tokns}", "{out.y}"], in: { tokens: s }, out: [y, z] }
      sources: { s: file }
      """)
    #expect(text.contains("{in.tokns}") && text.contains("did you mean '{in.tokens}'?"), "\(text)")
    #expect(text.contains("never names its output '{out.z}'"), "\(text)")
    #expect(!text.contains("print"), "\(text)")
  }

  @Test func `settings of the command line lie over those of the file`() throws {
    let pipeline = try Pipeline(parsing: small, file: "p.yaml").setting([
      "train.rank=32", "train.rate=0.5",
    ])
    .checked(against: stages)
    #expect(pipeline.steps[1].keyParameters["rank"] == 32)
    #expect(pipeline.steps[1].keyParameters["rate"] == 0.5)
  }

  @Test(arguments: ["train.rank", "rank=3", "trian.rank=3", ".rank=3", "train.=3", "train.rnak=3"])
  func `wrong settings of the command line are refused`(_ setting: String) {
    #expect(throws: InvalidPipeline.self) {
      try Pipeline(parsing: small, file: "p.yaml").setting([setting]).checked(against: stages)
    }
  }
}

import Bytes
import Graph
import Testing

@Suite struct PlanTests {
  private func plan(_ targets: [Target] = []) throws -> Plan {
    Plan(try checked(small), targets: targets)
  }

  @Test func `everything is wanted where nothing is named`() throws {
    let plan = try plan()
    #expect(plan.global == [2])
    #expect(plan.steps(for: "a") == [0, 1])
    #expect(plan.counts(users: ["a", "b"]) == ["ingest": 2, "train": 2, "table": 1])
  }

  @Test func `a target brings along what it reads, and nothing else`() throws {
    let one = try plan([.userNode(user: "a", node: "ingest")])
    #expect(one.steps(for: "a") == [0])
    #expect(!one.includes("b"))
    let user = try plan([.user("a")])
    #expect(user.steps(for: "a") == [0, 1])
    #expect(user.global.isEmpty)
    let gather = try plan([.node("table")])
    #expect(gather.steps(for: "b") == [0, 1])
    #expect(gather.global == [2])
  }

  @Test func `a gather node with a list wants only the users on it`() throws {
    let text = small.replacing("scope: gather,", with: "scope: gather, over: some.txt,")
    let plan = Plan(try checked(text), targets: [.node("table")], over: ["table": ["b"]])
    #expect(!plan.includes("a"))
    #expect(plan.steps(for: "b") == [0, 1])
  }

  @Test func `a node that reads back from a gather node waits for all users`() throws {
    let text = """
      version: 1
      sources: { history: "{user.source}" }
      nodes:
        one: { command: [x, "{in.s}", "{out.y}"], in: { s: history }, out: [y] }
        all: { command: [x, "{in.s}", "{out.y}"], scope: gather, in: { s: "*.one.y" }, out: [y] }
        two: { command: [x, "{in.s}", "{out.y}"], in: { s: all.y }, out: [y] }
      """
    let pipeline = try checked(text)
    #expect(pipeline.steps.map(\.phase) == [0, 1, 1])
    #expect(Plan(pipeline, targets: [.user("a")]).steps(for: "b") == [0])
  }

  @Test func `ten thousand users are planned one by one`() throws {
    let names = (0..<10_000).map { "user \($0)" }
    let plan = try plan([.node("train"), .userNode(user: names[77], node: "ingest")])
    var count = 0
    for name in names { count += plan.steps(for: name).count }
    #expect(count == 20_000)
    #expect(plan.counts(users: names)["train"] == 10_000)
  }
}

@Suite struct TargetTests {
  private let reader = TargetReader(
    nodes: [("ingest", .user), ("train", .user), ("table", .gather)],
    users: ["ann", "train", "a/b", "x y", "zoë", "new\nline"])

  @Test(arguments: [
    ("ann", Target.user("ann")), ("ingest", .node("ingest")),
    ("ann/train", .userNode(user: "ann", node: "train")),
    ("train/train", .userNode(user: "train", node: "train")),
    ("*/train", .node("train")), ("a/b/train", .userNode(user: "a/b", node: "train")),
    ("a%2Fb/train", .userNode(user: "a/b", node: "train")), ("x%20y", .user("x y")),
    ("zo%C3%AB/ingest", .userNode(user: "zoë", node: "ingest")), ("a/b", .user("a/b")),
    ("new%0Aline", .user("new\nline")),
  ])
  func `words are understood`(_ word: String, _ target: Target) throws {
    #expect(try reader.read(word) == target)
  }

  @Test func `a user called like a node is ambiguous, unless said which`() throws {
    #expect(throws: TargetError.ambiguous("train")) { try reader.read("train") }
    #expect(try reader.read("ingest", user: "train") == .userNode(user: "train", node: "ingest"))
    #expect(try reader.readUser("train") == .user("train"))
  }

  @Test func `misspelt targets come with a suggestion`() {
    #expect(throws: TargetError.unknown("igest", meant: "ingest")) { try reader.read("igest") }
    #expect(throws: TargetError.unknownUser("anm", target: "anm/train", meant: "ann")) {
      try reader.read("anm/train")
    }
    #expect(throws: TargetError.unknownNode("trian", target: "ann/trian", meant: "train")) {
      try reader.read("ann/trian")
    }
    #expect(throws: TargetError.notPerUser(node: "table", target: "ann/table")) {
      try reader.read("ann/table")
    }
  }
}

@Suite struct UserNameTests {
  @Test(arguments: [
    ("ann", "ann"), ("a b", "a%20b"), ("a/b", "a%2Fb"), (".hidden", "%2Ehidden"), ("..", "%2E."),
    ("a%b", "a%25b"), ("é", "%C3%A9"), ("a\nb", "a%0Ab"), ("~", "%7E"), ("train", "train"),
  ])
  func `names are encoded`(_ name: String, _ encoded: String) {
    #expect(UserName.encoded(name) == encoded)
  }

  @Test func `long names are cut and hashed, and stay distinct`() {
    let long = String(repeating: "n", count: 300)
    let name = UserName.encoded(long)
    #expect(name.utf8.count == 165)
    #expect(name != UserName.encoded(long + "n"))
    #expect(name.hasSuffix("~" + Digest(of: long).hex))
    #expect(UserName.encoded(String(repeating: "n", count: 200)).utf8.count == 200)
  }
}

@Suite struct ExplanationTests {
  private let old = Ingredients(
    stage: "train", version: 1, parameters: ["rank": 8, "gone": 1],
    inputs: ["tokens": Digest(of: "a"), "base": Digest(of: "b")])

  @Test func `nothing changed is no reason`() {
    #expect(Explanation.compare(old, old).isEmpty)
    #expect(Explanation.compare(nil, old) == [Reason(.neverBuilt)])
    var same = old
    same.parameters["rank"] = 8.0
    #expect(Explanation.compare(old, same).isEmpty)
  }

  @Test func `a whole number is the same however it was written down`() {
    var (was, isNow) = (old, old)
    was.parameters = ["alpha": .int(16)]
    isNow.parameters = ["alpha": .double(16)]
    #expect(Explanation.compare(was, isNow).isEmpty)
    isNow.parameters = ["alpha": .string("16")]
    #expect(Explanation.compare(was, isNow).map(\.kind) == [.parameterChanged])
  }

  @Test func `every change is told with old and new value`() {
    var new = old
    new.version = 2
    new.parameters = ["rank": 16]
    new.inputs = ["tokens": Digest(of: "c"), "heldout": Digest(of: "d")]
    let reasons = Explanation.compare(old, new, origins: ["tokens": "tokenize.train"])
    #expect(
      reasons == [
        Reason(.versionChanged, old: "1", new: "2"),
        Reason(.inputRemoved, "base", old: Digest(of: "b").description),
        Reason(.inputAdded, "heldout", new: Digest(of: "d").description),
        Reason(
          .inputChanged, "tokens", origin: "tokenize.train", old: Digest(of: "a").description,
          new: Digest(of: "c").description),
        Reason(.parameterChanged, "gone", old: "1"),
        Reason(.parameterChanged, "rank", old: "8", new: "16"),
      ])
    #expect(reasons.compactMap { Reason($0.json) } == reasons)
    #expect(reasons[3].description.contains("input tokens (tokenize.train) changed: sha256:"))
  }
}

@Suite struct DrawingTests {
  @Test func `a graph is drawn in three languages`() throws {
    let drawing = Drawing(try Pipeline(parsing: small, file: "p.yaml"))
    #expect(drawing.dot.contains("\"ingest\" -> \"train\" [label=\"history\"];"))
    #expect(drawing.dot.contains("\"source:base\" -> \"train\""))
    #expect(drawing.mermaid.contains("n_train -->|\"*.adapter\"| n_table"))
    #expect(drawing.json["edges"]?.arrayValue?.count == 4)
  }
}

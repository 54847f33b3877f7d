import Testing

/// Judges this repository as it is.
@Suite struct RepositoryTests {
  @Test func `every folder is a target and every target a folder`() throws {
    let manifest = try #require(try Repository.manifest())
    let declared = Set(manifest.targets.map(\.folder))
    let found = Set(try Repository.folders(in: "Sources").map { "Sources/" + $0 })
    #expect(declared.filter { $0.hasPrefix("Sources/") } == found)
    // Fixtures and programs of others have no Swift or C in them.
    let tests = try Repository.folders(in: "Tests").map { "Tests/" + $0 }
      .filter { !Repository.files(in: $0, ending: Repository.swift + ["c"]).isEmpty }
    #expect(declared.filter { $0.hasPrefix("Tests/") } == Set(tests))
  }

  @Test func `dependencies point one way`() throws {
    let manifest = try #require(try Repository.manifest())
    #expect(House(manifest: manifest).problemsOfDeclarations() == [])
  }

  @Test func `imports point one way`() throws {
    let manifest = try #require(try Repository.manifest())
    let house = House(manifest: manifest)
    var problems: [String] = []
    var count = 0
    for target in manifest.targets {
      for path in Repository.files(in: target.folder, ending: Repository.swift) {
        problems += house.problems(
          in: try Repository.text(path), of: target.name, path: path)
        count += 1
      }
    }
    #expect(problems == [])
    #expect(count > 150, "too few files were found to believe this test")
  }

  @Test func `nothing ends the program or leaves the checks of concurrency without a reason`()
    throws
  {
    var problems: [String] = []
    for folder in ["Sources", "Tests"] {
      for path in Repository.files(in: folder, ending: Repository.swift) {
        problems += Caution.problems(inSwift: try Repository.text(path), path: path)
      }
    }
    #expect(problems == [])
  }

  @Test func `the list of files that may leave the checks has no idle entry`() throws {
    for path in Caution.unchecked {
      let text = try Repository.text(path)
      #expect(
        text.contains("@unchecked" + " Sendable") || text.contains("nonisolated" + "(unsafe)"),
        "\(path) no longer needs to be on the list")
    }
  }

  @Test func `no path of one machine is written down`() throws {
    var paths = ["Makefile", "README.md", "Package.swift", ".ci/run", "Artifacts/README.md"]
    for folder in ["Sources", "Tests"] {
      paths += Repository.files(in: folder, ending: Repository.text)
    }
    // The sample users may write what they like.
    paths += Repository.files(in: "Pipelines", ending: ["yaml", "md"])
      .filter { !$0.hasPrefix("Pipelines/users/") }
    var problems: [String] = []
    for path in paths {
      problems += Caution.problems(inText: try Repository.text(path), path: path)
    }
    #expect(problems == [])
  }

  @Test func `the picture in the README shows every target and no arrow that is not there`() throws
  {
    let manifest = try #require(try Repository.manifest())
    let picture = Picture(try Repository.text("README.md"))
    #expect(!picture.arrows.isEmpty)
    let declared = Dictionary(
      uniqueKeysWithValues: manifest.targets.map { ($0.name, Set($0.dependencies)) })
    for (from, to) in picture.arrows {
      #expect(declared[from]?.contains(to) == true, "the README draws \(from) → \(to)")
    }
    let drawn = Set(picture.arrows.flatMap { [$0.from, $0.to] })
    for target in manifest.targets where target.kind == .library || target.kind == .c {
      #expect(drawn.contains(target.name), "the README does not draw \(target.name)")
    }
    for target in manifest.targets where target.kind == .stage || target.kind == .tool {
      #expect(picture.text.contains("`\(target.name)`"), "the README does not name \(target.name)")
    }
  }
}

/// Reads the arrows of the README's picture of the modules: `A --> B & C` in the first diagram below
/// the heading `The house`.
struct Picture {
  let text: String
  private(set) var arrows: [(from: String, to: String)] = []

  init(_ text: String) {
    self.text = text
    var inside = false
    for line in text.split(separator: "\n").drop(while: { $0 != "## The house" }) {
      if line.hasPrefix("```mermaid") {
        inside = true
      } else if line.hasPrefix("```") {
        if inside { return }
      } else if inside, let arrow = line.start(of: "-->") {
        let ends = [line[..<arrow], line[arrow...].dropFirst(3)].map { side in
          side.split(separator: "&").map { name in name.filter { !$0.isWhitespace } }
        }
        for from in ends[0] { for to in ends[1] { arrows.append((from, to)) } }
      }
    }
  }
}

import Testing

/// Shows that the checks can fail.
@Suite struct CheckerTests {
  static let package = """
    // targets: [ "not this" ]
    let package = Package(
      name: "x",
      products: [.executable(name: "tool", targets: ["tool"])],
      targets: [
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        // A comment, with brackets ] and ) in it.
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
        library("Bytes", [.product(name: "Crypto", package: "swift-crypto")]),
        library("Graph", ["Bytes"]),
        library(
          "Resolver", ["Bytes", "Graph"]),
        library("Kernels", ["CKernels"]),
        library("StageKit", ["Bytes"]),
        stage("train", ["Bytes", "Kernels"]),
        .executableTarget(
          name: "tool",
          dependencies: ["Resolver", .product(name: "ArgumentParser", package: "a")],
          swiftSettings: settings),
        .target(name: "TestKit", dependencies: ["Bytes"], path: "Tests/TestKit"),
        tests("BytesTests", ["Bytes"]),
      ],
      swiftLanguageModes: [.v6]
    )
    """

  private func house(_ change: (String, String) = ("", "")) throws -> House {
    let text =
      change.0.isEmpty
      ? Self.package
      : Self.package.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.contains(change.0) ? change.1 : String($0) }.joined(separator: "\n")
    return House(manifest: try #require(Manifest(text)))
  }

  @Test func `a package description is read in its order`() throws {
    let manifest = try house().manifest
    #expect(
      manifest.targets.map(\.name) == [
        "CZlib", "CKernels", "Bytes", "Graph", "Resolver", "Kernels", "StageKit", "train", "tool",
        "TestKit", "BytesTests",
      ])
    #expect(
      manifest.targets.map(\.kind) == [
        .c, .c, .library, .library, .library, .library, .library, .stage, .tool, .testSupport,
        .test,
      ])
    #expect(manifest["Bytes"]?.dependencies == ["Crypto"])
    #expect(manifest["tool"]?.dependencies == ["Resolver", "ArgumentParser"])
    #expect(manifest["tool"]?.foreign == ["ArgumentParser"])
    #expect(manifest["train"]?.dependencies == ["Bytes", "Kernels", "StageKit"])
    #expect(manifest["TestKit"]?.folder == "Tests/TestKit")
    #expect(manifest["BytesTests"]?.folder == "Tests/BytesTests")
  }

  @Test func `a sound house has no problems`() throws {
    let house = try house()
    #expect(house.problemsOfDeclarations() == [])
    #expect(house.problems(in: "import Bytes\n", of: "Graph", path: "a") == [])
    #expect(
      house.problems(
        in: "import Bytes\nimport Testing\nimport TestKit\n@testable import Bytes",
        of: "BytesTests",
        path: "a") == [])
  }

  @Test(arguments: [
    ("library(\"Graph\"", "library(\"Graph\", [\"Bytes\", \"Resolver\"]),", "stands below it"),
    ("library(\"Graph\"", "library(\"Graph\", [\"Bites\"]),", "no target"),
    ("stage(\"train\"", "stage(\"train\", [\"Graph\"]),", "reaches Graph"),
    ("stage(\"train\"", "stage(\"train\", [\"Resolver\"]),", "reaches Graph"),
    ("library(\"StageKit\"", "library(\"StageKit\", [\"Graph\"]),", "reaches Graph"),
    ("\"ArgumentParser\"", "dependencies: [\"train\"],", "is a program"),
  ])
  func `a declaration that points the wrong way is found`(
    line: String, replacement: String, words: String
  ) throws {
    let problems = try house((line, replacement)).problemsOfDeclarations()
    #expect(problems.contains { $0.contains(words) }, "\(problems)")
  }

  @Test func `a resolver that reaches the kernels is found`() throws {
    let text = """
      let package = Package(
        targets: [
          library("Kernels"), library("Formats", ["Kernels"]), library("Graph", ["Formats"]),
        ])
      """
    let house = House(manifest: try #require(Manifest(text)))
    #expect(house.problemsOfDeclarations() == ["Graph reaches Kernels"])
  }

  @Test(arguments: [
    ("import Resolver", "Graph", "does not stand above"),
    ("public import Resolver", "Graph", "does not stand above"),
    ("@testable import Graph", "Graph", "does not stand above"),
    ("import struct Resolver.Plan", "Graph", "does not stand above"),
    ("import Foundation", "Graph", "touches no system"),
    ("import Graph", "train", "knows nothing of the resolver"),
    ("import Bytes; import Resolver", "train", "knows nothing of the resolver"),
    ("import CZlib", "Bytes", "does not declare"),
    ("import Numerics", "Bytes", "does not declare"),
    ("import Graph", "BytesTests", "does not declare"),
    ("import Testing", "Bytes", "is for tests"),
    ("import Bytes", "Nowhere", "is no target"),
  ])
  func `an import that points the wrong way is found`(
    line: String, target: String, words: String
  ) throws {
    let problems = try house().problems(in: "// A file.\n\(line)\n", of: target, path: "File.swift")
    #expect(problems.count == 1)
    #expect(problems.first?.contains(words) == true, "\(problems)")
    #expect(target == "Nowhere" || problems.first?.hasPrefix("File.swift:2: ") == true)
  }

  @Test func `words in comments and texts are no imports`() throws {
    let source = #"""
      // import Resolver
      /* import Resolver /* import Resolver */
      import Resolver */
      let a = "import Resolver \(b("import Resolver")) \" import Resolver"
      let c = """
        import Resolver
        """
      #if canImport(Resolver)
      #endif
      func important() {}
      """#
    #expect(try house().problems(in: source, of: "Graph", path: "a") == [])
    #expect(SwiftText(source).code.count == SwiftText(source).lines.count)
  }

  @Test func `code in a text is code`() {
    let text = SwiftText("let a = \"one \\(try" + "! two(\")\")) three\"; four")
    #expect(text.code.joined().contains("try" + "! two("))
    #expect(!text.code.joined().contains("three"))
    #expect(text.code.joined().contains("; four"))
  }

  @Test(arguments: [
    "let a = try" + "! read()", "fatal" + "Error(\"no\")", "let a = \"\\(try" + "! b())\"",
  ])
  func `an abrupt end is found`(line: String) {
    let problems = Caution.problems(inSwift: "import A\n\(line)", path: "Sources/A/B.swift")
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("Sources/A/B.swift:2: ") == true)
  }

  @Test(arguments: [
    "// never try" + "! here", "throw A(\"fatal" + "Error(\")", "try? read()", "try a != b",
  ])
  func `the same words elsewhere are no end`(line: String) {
    #expect(Caution.problems(inSwift: line, path: "Sources/A/B.swift") == [])
  }

  @Test(arguments: ["final class A: @unchecked" + " Sendable {", "nonisolated" + "(unsafe) let a"])
  func `a step outside the checks needs a place on the list and a reason`(line: String) throws {
    let allowed = try #require(Caution.unchecked.sorted().first)
    let why = "// Never changed once made.\n"
    #expect(Caution.problems(inSwift: why + line, path: allowed) == [])
    #expect(Caution.problems(inSwift: why + line, path: "Sources/A/B.swift").count == 1)
    #expect(Caution.problems(inSwift: line, path: allowed).count == 1)
    let far = why + String(repeating: "\n", count: 6) + line
    #expect(Caution.problems(inSwift: far, path: allowed).count == 1)
    let text = "let a = \"https://example.org\"\n" + line
    #expect(Caution.problems(inSwift: text, path: allowed).count == 1)
  }

  @Test(arguments: ["work", "root", "home"])
  func `a path of one machine is found`(folder: String) {
    let path = "/" + folder + "/"
    for line in ["open(\"\(path)a\")", "cd \(path)a", "\(path)a", "(see \(path)a)", "a=\(path)b"] {
      #expect(Caution.problems(inText: "\n" + line, path: "Makefile").count == 1, "\(line)")
    }
    for line in ["store\(path)a", "\"\\(path)\(path)a\"", "https://a.b\(path)", "../\(folder)/a"] {
      #expect(Caution.problems(inText: line, path: "Makefile") == [], "\(line)")
    }
  }

  @Test func `a picture is read`() {
    let other = "```mermaid\nX --> Y\n```\n"
    let own = "```mermaid\nflowchart TD\n  A --> B & C\n```\n"
    let picture = Picture("# A\n" + other + "## The house\nText.\n" + own + other)
    #expect(picture.arrows.map { "\($0.from)\($0.to)" } == ["AB", "AC"])
  }
}

// swift-tools-version: 6.2
import PackageDescription

// Dependencies, each weighed against the time of a clean build:
// - swift-argument-parser: plm's verbs, help and completions.
// - Yams: pipelines are YAML; it carries libyaml, small and quick to build.
// - GRDB (over system libsqlite3): the index; only the resolver's side links it.
// - swift-crypto: SHA-256 at 1.2 GB/s; names every artifact. The dearest to build, and worth it.
// URLSession of Foundation is the HTTP client of the `openai` teacher elsewhere: no TLS to build. To a
// teacher on this machine Augmentation speaks HTTP itself, for URLSession on Linux keeps a core busy
// while it waits.
// Processes are started by CProcess, a few lines of C: stages report progress on file descriptor 3
// and must die with their resolver, and neither Foundation's Process nor swift-subprocess offers that.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A library target of this package.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A stage: one executable on StageKit and the domain libraries it needs.
func stage(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .executableTarget(
    name: name, dependencies: ["StageKit"] + dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["TestKit"], swiftSettings: settings)
}

let package = Package(
  name: "plm",
  products: [
    .executable(name: "plm", targets: ["plm"]),
    // What an app embeds to run a bundle: no stage, no store, no resolver.
    .library(name: "PersonalLM", targets: ["PersonalLM"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // System and C.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CSystem"),
    // Starts programs that die with their parent and get descriptor 3: posix_spawn can do neither.
    .target(name: "CProcess"),
    // Kernels are optimised in debug builds too: tests train real (tiny) models. A multiplication and
    // an addition are fused only where they say so: elsewhere bits would hang on the compiler.
    .target(
      name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])],
      linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread", .when(platforms: [.linux]))]),

    // Libraries, bottom up: a target may only use what stands above it in this list.
    library("Bytes", [.product(name: "Crypto", package: "swift-crypto")]),
    library("ObjectStore", ["Bytes", "CSystem", "CZlib"]),
    library(
      "ActionCache",
      [
        "Bytes", "ObjectStore", .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    library("Graph", ["Bytes", .product(name: "Yams", package: "Yams")]),
    library("Resolver", ["Bytes", "CProcess", "ObjectStore", "ActionCache", "Graph"]),
    library("Kernels", ["CKernels"]),
    library("Formats", ["Bytes", "Kernels"]),
    library("Tokenizers", ["Bytes", "Formats"]),
    library("ChatTemplates", ["Bytes", "Formats"]),
    library("Models", ["Bytes", "Formats", "Kernels"]),
    library("Corpus", ["Bytes", "Formats", "CZlib"]),
    library("Persona", ["Bytes", "Corpus"]),
    library(
      "PersonalLM",
      ["Bytes", "Formats", "Tokenizers", "ChatTemplates", "Kernels", "Models", "Corpus", "Persona"]),
    library("HTTPServer"),
    library("Serving", ["Bytes", "ChatTemplates", "Models", "PersonalLM", "HTTPServer"]),
    library("Encoding", ["Bytes", "Formats", "Corpus", "Tokenizers"]),
    library("Augmentation", ["Bytes", "Corpus", "Persona"]),
    library(
      "Evaluation",
      [
        "Bytes", "Corpus", "Persona", "Tokenizers", "Encoding", "Models", "Formats", "Kernels",
      ]),
    library("StageKit", ["Bytes", "ObjectStore"]),

    // Stages.
    stage("ingest", ["Bytes", "ObjectStore", "Corpus"]),
    stage("profile", ["Bytes", "ObjectStore", "Corpus", "Persona"]),
    stage(
      "synthesize",
      [
        "Bytes", "ObjectStore", "Corpus", "Persona", "Augmentation", "Tokenizers", "Models",
        "Encoding",
        "Formats", "Kernels",
      ]),
    stage("filter", ["Bytes", "ObjectStore", "Corpus", "Persona", "Augmentation"]),
    stage("tokenize", ["Bytes", "ObjectStore", "Corpus", "Tokenizers", "Formats", "Encoding"]),
    stage("train", ["Bytes", "ObjectStore", "Formats", "Models", "Kernels"]),
    stage(
      "quantize",
      [
        "Bytes", "ObjectStore", "Formats", "Tokenizers", "ChatTemplates", "Kernels", "Models",
        "Evaluation",
      ]),
    stage(
      "package", ["Bytes", "ObjectStore", "Formats", "Tokenizers", "ChatTemplates", "PersonalLM"]),
    stage(
      "evaluate",
      [
        "Bytes", "ObjectStore", "Formats", "Corpus", "Persona", "Tokenizers", "Models",
        "Evaluation", "Encoding",
        "Kernels",
      ]),
    // More stages make a base from nothing: a clean corpus, its tokenizer, its first weights, and
    // the tasks that the last of its training is on.
    stage("clean", ["Bytes", "ObjectStore", "Corpus", "Encoding"]),
    stage("vocabulary", ["Bytes", "ObjectStore", "Corpus", "Tokenizers", "Formats", "Encoding"]),
    stage("initialize", ["Bytes", "ObjectStore", "Formats", "Kernels", "Models", "Tokenizers"]),
    stage("pose", ["Bytes", "ObjectStore", "Corpus", "Encoding"]),

    .executableTarget(
      name: "plm",
      dependencies: [
        "Bytes", "ObjectStore", "ActionCache", "Graph", "Resolver", "Formats", "Tokenizers",
        "ChatTemplates", "Models", "Kernels", "Evaluation", "PersonalLM", "HTTPServer", "Serving",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: settings),

    // Tests.
    .target(
      name: "TestKit", dependencies: ["Bytes", "ObjectStore", "CSystem"], path: "Tests/TestKit",
      swiftSettings: settings),
    // A stage that copies, and misbehaves on demand: what surrounds stages is tested with it.
    .executableTarget(
      name: "probe", dependencies: ["Bytes", "StageKit"], path: "Tests/ProbeStage",
      swiftSettings: settings),
    // Runs every kernel in a process of its own, for a variant is chosen once for a process.
    // Optimised in debug builds too: it runs some thirty times.
    .executableTarget(
      name: "kernel-probe", dependencies: ["CKernels"], path: "Tests/KernelProbe",
      exclude: ["aarch64.sh"], cSettings: [.unsafeFlags(["-O2"])]),
    // Opens thousands of damaged model files: a crash must end a process of its own.
    .executableTarget(
      name: "format-fuzz", dependencies: ["Bytes", "Formats", "Tokenizers", "Kernels", "Models"],
      path: "Tests/FormatFuzz", swiftSettings: settings),
    // Measures products against the processor's peak, for make bench. Optimised in debug builds too:
    // what is measured is the library, not the loop around it.
    .executableTarget(
      name: "kernel-bench", dependencies: ["CKernels"], path: "Tests/KernelBench",
      cSettings: [.unsafeFlags(["-O2"])]),
    tests("BytesTests", ["Bytes"]),
    tests("ObjectStoreTests", ["Bytes", "ObjectStore", "CZlib", "probe"]),
    tests("ActionCacheTests", ["Bytes", "ObjectStore", "ActionCache"]),
    tests("GraphTests", ["Bytes", "Graph"]),
    tests("ResolverTests", ["Bytes", "ObjectStore", "ActionCache", "Graph", "Resolver", "probe"]),
    tests("FormatsTests", ["Bytes", "Formats", "Kernels", "format-fuzz"]),
    tests("TokenizersTests", ["Bytes", "Formats", "Tokenizers"]),
    tests("ChatTemplatesTests", ["Bytes", "Formats", "ChatTemplates"]),
    tests(
      "FormatStagesTests",
      [
        "Bytes", "ObjectStore", "Formats", "Tokenizers", "Corpus", "vocabulary", "tokenize",
        "quantize", "package",
      ]),
    tests("KernelsTests", ["Kernels", "kernel-probe"]),
    tests("ModelsTests", ["Bytes", "Formats", "Kernels", "Models"]),
    tests("CorpusTests", ["Bytes", "Corpus"]),
    tests("PersonaTests", ["Bytes", "Corpus", "Persona"]),
    // The example of the library's documentation, built and run as an app would be.
    .executableTarget(
      name: "personal-example", dependencies: ["PersonalLM"], path: "Tests/PersonalExample",
      swiftSettings: settings),
    tests(
      "PersonalLMTests",
      [
        "Bytes", "Formats", "Tokenizers", "ChatTemplates", "Models", "Corpus", "Persona",
        "PersonalLM", "HTTPServer", "Serving", "personal-example", "plm",
      ]),
    tests("EncodingTests", ["Bytes", "Formats", "Corpus", "Tokenizers", "Encoding"]),
    tests("AugmentationTests", ["Bytes", "Corpus", "Persona", "Augmentation"]),
    tests(
      "EvaluationTests",
      [
        "Bytes", "Formats", "Corpus", "Persona", "Tokenizers", "Evaluation", "Kernels", "Models",
      ]),
    tests("StageKitTests", ["Bytes", "ObjectStore", "StageKit", "probe"]),
    tests("PlmTests", ["Bytes", "ObjectStore", "ActionCache", "Resolver", "plm"]),
    tests("EndToEndTests", ["Bytes", "ObjectStore", "Formats", "Models"]),
    tests("ArchitectureTests", []),
  ],
  swiftLanguageModes: [.v6]
)

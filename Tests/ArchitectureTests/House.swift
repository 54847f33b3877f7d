/// Judges imports: they point one way, and the parts that must not know each other don't.
struct House {
  let manifest: Manifest

  /// What the toolchain brings.
  static let toolchain: Set<String> = [
    "Swift", "Foundation", "FoundationNetworking", "Glibc", "Musl", "Darwin", "Dispatch",
    "Synchronization",
  ]
  static let forTests: Set<String> = ["Testing"]

  /// The resolver's side, which no stage may know.
  static let resolving: Set<String> = ["ActionCache", "Graph", "Resolver", "plm"]
  /// What the resolver must not know: to it a stage is a program that says what it is.
  static let learning: Set<String> = [
    "Models", "Kernels", "CKernels", "Tokenizers", "ChatTemplates", "Corpus", "Persona", "Encoding",
    "Augmentation", "Evaluation", "StageKit", "PersonalLM", "HTTPServer", "Serving",
  ]

  // MARK: Declarations

  /// What is wrong with the dependencies as declared.
  func problemsOfDeclarations() -> [String] {
    var above: Set<String> = []
    var problems: [String] = []
    for target in manifest.targets {
      for name in target.dependencies where !target.foreign.contains(name) {
        if manifest[name] == nil {
          problems.append("\(target.name) depends on \(name), which is no target")
        } else if !above.contains(name) {
          problems.append("\(target.name) depends on \(name), which stands below it")
        }
        if let other = manifest[name], !Self.mayBeUsed(other, by: target) {
          problems.append("\(target.name) depends on \(name), which is a program")
        }
      }
      let all = everything(below: target)
      if target.kind == .stage, let name = all.intersection(Self.resolving).min() {
        problems.append("stage \(target.name) reaches \(name)")
      }
      if Self.resolving.contains(target.name), target.kind == .library,
        let name = all.intersection(Self.learning).min()
      {
        problems.append("\(target.name) reaches \(name)")
      }
      above.insert(target.name)
    }
    return problems
  }

  /// Programs are run, not imported; tests may need them built.
  private static func mayBeUsed(_ other: Manifest.Target, by target: Manifest.Target) -> Bool {
    switch other.kind {
    case .c, .library: true
    case .stage, .tool: target.kind == .test
    case .testSupport: target.kind == .test || target.kind == .testSupport
    case .test: false
    }
  }

  private func everything(below target: Manifest.Target) -> Set<String> {
    var found: Set<String> = []
    var open = target.dependencies
    while let name = open.popLast() {
      if found.insert(name).inserted { open += manifest[name]?.dependencies ?? [] }
    }
    return found
  }

  // MARK: Imports

  /// What is wrong with the imports of one file.
  func problems(in source: String, of name: String, path: String) -> [String] {
    guard let target = manifest[name] else { return ["\(path): \(name) is no target"] }
    let order = manifest.targets.map(\.name)
    let isTest = target.kind == .test || target.kind == .testSupport
    return SwiftText(source).imports.compactMap { found in
      let place = "\(path):\(found.line): \(name) imports \(found.module)"
      if Self.toolchain.contains(found.module) {
        return name == "Graph" ? "\(place): it holds values only and touches no system" : nil
      }
      if Self.forTests.contains(found.module) {
        return isTest ? nil : "\(place): that is for tests"
      }
      if let own = order.firstIndex(of: name), let other = order.firstIndex(of: found.module),
        other >= own
      {
        return "\(place), which does not stand above it in Package.swift"
      }
      if target.kind == .stage, Self.resolving.contains(found.module) {
        return "\(place): a stage knows nothing of the resolver"
      }
      if Self.resolving.contains(name), target.kind == .library,
        Self.learning.contains(found.module)
      {
        return "\(place): the resolver knows stages as programs only"
      }
      if !target.dependencies.contains(found.module) {
        return "\(place), which it does not declare as a dependency"
      }
      return nil
    }
  }
}

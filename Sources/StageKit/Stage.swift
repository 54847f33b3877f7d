/// Describes one stage: an executable that is a pure function of input artifacts and parameters.
///
/// ```swift
/// @main enum Count: Stage {
///   static let name = "count"
///   static let version = 1
///   static let summary = "Counts the lines of a text."
///   static let least = Parameter("least", default: 1, in: 0...1_000_000, help: "Shortest line.")
///   static let inputs = [Input("text", kind: "text", help: "What is counted.")]
///   static let outputs = [Output("count", kind: "text", help: "The number of lines.")]
///   static let parameters: [any ParameterDeclaration] = [least]
///   static func run(_ context: StageContext) async throws {
///     let lines = try context.input("text").text().split(separator: "\n")
///     let count = lines.count { $0.count >= context[least] }
///     try context.output("count").write(text: "\(count)\n")
///   }
/// }
/// ```
public protocol Stage {
  /// The name of the executable.
  static var name: String { get }
  /// Goes up when the meaning of the output changes.
  static var version: Int { get }
  /// One sentence for people.
  static var summary: String { get }
  /// The artifacts it reads.
  static var inputs: [Input] { get }
  /// The artifacts it writes.
  static var outputs: [Output] { get }
  /// Its parameters, complete.
  static var parameters: [any ParameterDeclaration] { get }
  /// The environment variables with secrets that it may read.
  static var secrets: [String] { get }
  /// What one run of it takes, unless the pipeline says otherwise.
  static var resources: Resources { get }
  /// The variant of kernels that `PLM_KERNELS` asks for and that cannot be had; nil where all is well,
  /// and of a stage without kernels.
  static var refusedKernels: String? { get }
  /// Reads the inputs and writes the outputs; depends on nothing else.
  static func run(_ context: StageContext) async throws
}

extension Stage {
  public static var parameters: [any ParameterDeclaration] { [] }
  public static var secrets: [String] { [] }
  public static var resources: Resources { Resources() }
  public static var refusedKernels: String? { nil }
}

/// Declares an artifact that a stage reads.
public struct Input: Sendable {
  public let name: String
  /// What it is, so that a pipeline can be checked: an output feeds an input of its kind.
  public let kind: String
  public let optional: Bool
  public let help: String

  public init(_ name: String, kind: String, optional: Bool = false, help: String = "") {
    self.name = name
    self.kind = kind
    self.optional = optional
    self.help = help
  }
}

/// Declares an artifact that a stage writes.
public struct Output: Sendable {
  public let name: String
  /// What it is, so that a pipeline can be checked: an output feeds an input of its kind.
  public let kind: String
  /// Whether it may stay unwritten.
  public let optional: Bool
  /// The values of parameters with which alone it is written: a pipeline that reads it sets no others.
  public let when: [String: String]
  public let help: String

  public init(
    _ name: String, kind: String, optional: Bool = false, when: [String: String] = [:],
    help: String = ""
  ) {
    self.name = name
    self.kind = kind
    self.optional = optional
    self.when = when
    self.help = help
  }
}

/// Stores what one run of a stage takes of the machine.
public struct Resources: Sendable, Equatable {
  public let cores: Int
  /// In bytes; 0 where it is little.
  public let memory: Int

  public init(cores: Int = 1, memory: Int = 0) {
    self.cores = cores
    self.memory = memory
  }
}

import ArgumentParser
import Bytes
import Dispatch
import Foundation
import HTTPServer
import Kernels
import Models
import PersonalLM
import Serving
import Synchronization

/// Serves users' models by OpenAI's API, offline.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serves users' models by OpenAI's HTTP API.",
    discussion: """
      GET /v1/models, POST /v1/completions, POST /v1/chat/completions; `model` names the user. \
      One base stays in memory for all whose adapter is over it. Besides OpenAI's fields there are \
      top_k, min_p, repetition_penalty, retrieval, and choices: texts of which the likeliest is \
      the answer. Prints its address when it is ready. Only this machine can connect unless \
      --host says otherwise; then, or wherever PLM_TOKEN is set, clients must show that token. \
      SIGTERM or an interrupt lets running answers end, refuses new ones, and exits with 0.
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: "Serves the bundles in this folder instead of the store's.")
  var bundles: String?

  @Option(help: "Serves this model too, by the name of its folder or file.")
  var model: [String] = []

  @Option(help: "The address to listen at.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes a free one.")
  var port = 8080

  @Option(help: "Threads; 0 is one per core.")
  var threads = 0

  @Option(help: "Answers made at once at most; more are told to try again later.")
  var concurrency = 128

  @Option(help: "Sequences continued together.")
  var batch = 64

  @Option(help: "MiB of models in memory at most.")
  var memory = 4096

  @Option(help: "MiB of caches of each base at most.")
  var cache = 1024

  @Option(help: "Tokens of an answer at most.")
  var maxTokens = 4096

  @Option(help: "KiB of a request at most.")
  var maxBody = 1024

  mutating func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port must be 0 to 65535.") }
    for (name, value) in [
      ("concurrency", concurrency), ("batch", batch), ("memory", memory), ("cache", cache),
      ("max-tokens", maxTokens), ("max-body", maxBody),
    ] where value < 1 || value > 1 << 30 {
      throw ValidationError("--\(name) must be 1 to \(1 << 30).")
    }
    if threads < 0 { throw ValidationError("--threads must not be negative.") }
  }

  mutating func run() throws {
    Kernels.threads = threads
    let token = ProcessInfo.processInfo.environment["PLM_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    let isLoopback = ["127.0.0.1", "localhost", "::1"].contains(host)
    guard isLoopback || token != nil else {
      throw UsageProblem(
        "others could use the models at \(host): set PLM_TOKEN to what they must show, or leave "
          + "--host away")
    }
    let limits = ContinuousBatch.Limits(sequences: batch, cacheBytes: cache << 20)
    let source = try source()
    let models = LoadedModels(
      source, fixed: try fixed(limits, beside: source), limit: memory << 20, limits: limits)
    let names = try models.names()
    guard !names.isEmpty else {
      throw UsageProblem("there is nobody to serve: plm build makes bundles")
    }
    var options = Service.Options()
    options.token = token
    options.isLoopback = isLoopback
    options.concurrency = concurrency
    options.maximumTokens = maxTokens
    options.log = { Terminal.complain("plm: \($0)") }
    let service = Service(models, options: options)
    var http = HTTPLimits()
    http.bodyBytes = maxBody << 10
    let server = try HTTPServer(
      host: host, port: port, limits: http, refusal: Service.refusal
    ) { try service.answer($0, $1) }
    let ending = Self.ending(service, server)
    defer { for source in ending { source.cancel() } }
    announce(server, names)
    server.run()
  }

  private func source() throws -> any BundleSource {
    if let bundles {
      let path = CommonOptions.absolute(bundles)
      guard CommonOptions.isFolder(path) else { throw UsageProblem("there is no folder \(path)") }
      return FolderBundles(folder: path)
    }
    if !model.isEmpty, common.store == nil, (try? common.openStore()) == nil { return NoBundles() }
    return StoreBundles(cache: try common.openCache())
  }

  /// The models given by their paths, each under a name that nothing else has.
  private func fixed(
    _ limits: ContinuousBatch.Limits, beside source: any BundleSource
  ) throws -> [String: PersonalModel] {
    var fixed: [String: PersonalModel] = [:]
    for given in model {
      let name = URL(fileURLWithPath: CommonOptions.absolute(given)).lastPathComponent
      guard fixed[name] == nil else {
        throw UsageProblem("two models are called \(name): give one of them another name")
      }
      guard try source.version(of: name) == nil else {
        throw UsageProblem("a user is called \(name) too: give the model another name")
      }
      fixed[name] = try PersonalModel.open(model: given, adapter: nil, limits: limits)
    }
    return fixed
  }

  private func announce(_ server: HTTPServer, _ names: [String]) {
    let address = "http://\(host.contains(":") ? "[\(host)]" : host):\(server.port)/v1"
    if common.json {
      Terminal.write(
        ["url": .string(address), "models": .array(names.map { .string($0) })] as JSON)
    } else {
      Terminal.write("\(address)\n")
      let some = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
      Terminal.complain(
        "plm: serving \(names.count == 1 ? "1 model" : "\(names.count) models"): \(some)")
    }
  }

  /// Drains at the first signal, ends at once at the second.
  private static func ending(_ service: Service, _ server: HTTPServer) -> [any DispatchSourceSignal]
  {
    let count = CountedSignals()
    signal(SIGPIPE, SIG_IGN)
    return [SIGTERM, SIGINT, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if count.next() > 1 { Foundation.exit(Ending.interrupted) }
        Terminal.complain("plm: ending; answers that are being made are finished first")
        service.drain()
        server.drain()
      }
      source.resume()
      return source
    }
  }

  private final class CountedSignals: Sendable {
    private let count = Atomic(0)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
  }
}

/// Knows nobody.
private struct NoBundles: BundleSource {
  func users() -> [String] { [] }
  func version(of user: String) -> Digest? { nil }
  func bundle(of user: String) throws -> ModelBundle { throw BundleError.noBundle(path: user) }
}

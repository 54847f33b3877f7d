public import Formats
import Kernels

/// Stores how much the columns of a model's matrices matter to some texts: the mean square of what
/// each is multiplied by.
///
/// The error of a weight shows in the result as many times over as its column's input is large, so
/// rounding by these keeps what the texts need (an "importance matrix", as llama.cpp calls it).
public struct ColumnImportance: Sendable {
  /// The importance of each column of a matrix, by its Hugging Face name.
  private let columns: [String: [Float]]
  /// Tokens it was measured on.
  public let tokens: Int

  /// Measures it on samples.
  /// - Parameters:
  ///   - most: tokens after which no further sample is taken.
  ///   - done: called with the number of tokens so far.
  public init(
    of network: Network, on samples: [TokenSample], most: Int, done: (Int) -> Void = { _ in }
  ) throws(ModelError) {
    let config = network.config
    var sums: [String: Sums] = [:]
    var tokens = 0
    network.watch = { projection, layer, x, n in
      // Query, key and value read the same, and so do gate and up.
      let name = Self.shared(projection)
      let columns = projection.shape(config).in
      sums["\(layer).\(name)", default: Sums(columns)].add(Numbers(x), n: n)
    }
    defer { network.watch = nil }
    var last = Sums(config.hiddenSize)
    for sample in samples where !sample.ids.isEmpty {
      guard tokens < most else { break }
      let batch = try Batch([sample], config: config)
      let activations = network.forward(batch, back: false)
      last.add(Numbers(activations.hidden), n: batch.count)
      tokens += batch.count
      done(tokens)
    }
    self.tokens = tokens
    var columns: [String: [Float]] = [:]
    for layer in 0..<config.layerCount {
      for projection in Projection.allCases {
        columns[projection.path(layer: layer) + ".weight"] =
          sums["\(layer).\(Self.shared(projection))"]?.means(tokens)
      }
    }
    // A tied matrix is also the table that texts are read by, to which no column matters less.
    if !config.tiedEmbeddings { columns["lm_head.weight"] = last.means(tokens) }
    self.columns = columns
  }

  private static func shared(_ projection: Projection) -> String {
    switch projection {
    case .query, .key, .value: "attention"
    case .output: "output"
    case .gate, .up: "mlp"
    case .down: "down"
    }
  }

  /// The importance of each column of a matrix; nil for what was not measured.
  public subscript(name: String) -> [Float]? { columns[name] }
}

/// Adds up squares of columns.
private struct Sums {
  private var sums: [Double]

  init(_ columns: Int) { sums = Array(repeating: 0, count: columns) }

  mutating func add(_ x: Numbers, n: Int) {
    sums.withUnsafeMutableBufferPointer { sums in
      if let start = sums.baseAddress {
        Kernels.addColumnSquares(of: x, n: n, d: sums.count, to: start)
      }
    }
  }

  /// The means, each at least a ten-thousandth of their own mean: texts that never use a column do
  /// not say that it is never used.
  func means(_ tokens: Int) -> [Float]? {
    guard tokens > 0, !sums.isEmpty else { return nil }
    let all = sums.reduce(0, +) / Double(sums.count)
    guard all > 0, all.isFinite else { return nil }
    return sums.map { Float(max($0, all * 1e-4) / Double(tokens)) }
  }
}

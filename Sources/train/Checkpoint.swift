import Bytes
import Formats
import Foundation
import Kernels

/// Stores all that a run needs to go on to the same bits after it was killed.
///
/// It lives in the action's work folder, so it is found again by the same action alone. The file
/// is a safetensors file whose last tensor is the digest of all before it, in hex.
struct Checkpoint {
  var step = 0
  /// The finished lines of training.jsonl and validation.jsonl.
  var trainingLines: [String] = []
  var validationLines: [String] = []
  var bestLoss = Double.infinity
  var bestStep = 0
  var validationsSinceBest = 0
  /// The loss of the first step.
  var firstLoss = 0.0

  /// What is saved beside the numbers: weights, moments, the best weights so far, and the first
  /// gradient; empty where they are not kept.
  struct Tensors {
    let weights, m, v: FloatBuffer
    let best: FloatBuffer
    let firstGradient: FloatBuffer
  }

  static let fileName = "checkpoint.safetensors"
  /// Raised when the file's form changes: another is not read, and the run starts anew.
  private static let format = 2
  private static let digest = SafetensorsLayout.Entry(name: "digest", type: .u8, shape: [64])

  private struct Facts: Codable {
    var format: Int
    /// Bits are those of one variant: another starts anew.
    var kernels: String
    var step: Int
    var bestLoss: Double?
    var bestStep: Int
    var validationsSinceBest: Int
    var firstLoss: Double
    var trainingLines: [String]
    var validationLines: [String]
  }

  /// Writes the checkpoint beside the last one, then takes its place.
  func save(in folder: String, _ tensors: Tensors) throws {
    let facts = Facts(
      format: Self.format, kernels: Kernels.variant, step: step,
      bestLoss: bestLoss.isFinite ? bestLoss : nil,
      bestStep: bestStep,
      validationsSinceBest: validationsSinceBest, firstLoss: firstLoss,
      trainingLines: trainingLines, validationLines: validationLines)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let all = named(tensors)
    let layout = SafetensorsLayout(
      tensors: all.map { .init(name: $0.0, type: .f32, shape: [$0.1.count]) } + [Self.digest],
      metadata: ["facts": String(decoding: try encoder.encode(facts), as: UTF8.self)])
    // Piece by piece: a copy of everything at once would be the run's largest need of memory.
    let target = URL(filePath: folder).appending(path: Self.fileName)
    let beside = target.appendingPathExtension("new")
    guard FileManager.default.createFile(atPath: beside.path, contents: nil) else {
      throw FileError(.open, beside.path, code: errno)
    }
    let file = try FileHandle(forWritingTo: beside)
    defer { try? file.close() }
    var hasher = Hasher256()
    func write(_ bytes: UnsafeRawBufferPointer) throws {
      hasher.update(bytes)
      try file.write(contentsOf: Data(bytes))
    }
    try layout.header.withUnsafeBytes(write)
    for entry in layout.order {
      guard let buffer = all.first(where: { $0.0 == entry.name })?.1 else { continue }
      let bytes = UnsafeRawBufferPointer(start: buffer.pointer, count: entry.size)
      for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
        try write(
          UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 1 << 20, bytes.count)]))
      }
    }
    // The digest, of the narrowest type and hence last, tells a whole checkpoint from one that a
    // crash cut short.
    try file.write(contentsOf: Data(hasher.finish().hex.utf8))
    try file.synchronize()
    guard rename(beside.path, target.path) == 0 else {
      throw FileError(.rename, target.path, code: errno)
    }
  }

  /// Reads the last checkpoint into the tensors; nil if there is none that is whole and theirs, and
  /// then the tensors are as they were.
  static func load(from folder: String, into tensors: Tensors) -> Checkpoint? {
    let path = URL(filePath: folder).appending(path: fileName).path
    // Mapped: a copy beside the tensors would be a resumed run's largest need of memory.
    guard let mapped = try? MappedFile(path: path), isWhole(mapped),
      let file = try? SafetensorsFile(mapped), let text = file.metadata["facts"],
      let facts = try? JSONDecoder().decode(Facts.self, from: Data(text.utf8)),
      facts.format == format, facts.kernels == Kernels.variant
    else { return nil }
    var pairs: [(source: TensorView, target: FloatBuffer)] = []
    for (name, buffer) in Checkpoint().named(tensors) {
      guard let view = try? file.tensor(name), view.type == .f32, view.count == buffer.count else {
        return nil
      }
      pairs.append((view, buffer))
    }
    for (source, target) in pairs {
      UnsafeMutableRawBufferPointer(start: target.pointer, count: source.bytes.count)
        .copyMemory(from: source.bytes)
      mapped.letGo(source.bytes)
    }
    return Checkpoint(
      step: facts.step, trainingLines: facts.trainingLines,
      validationLines: facts.validationLines, bestLoss: facts.bestLoss ?? .infinity,
      bestStep: facts.bestStep, validationsSinceBest: facts.validationsSinceBest,
      firstLoss: facts.firstLoss)
  }

  /// Whether a file ends with the digest of what is before it.
  private static func isWhole(_ file: MappedFile) -> Bool {
    let length = file.count - digest.size
    guard length > 0 else { return false }
    var hasher = Hasher256()
    for start in stride(from: 0, to: length, by: 1 << 20) {
      let piece = UnsafeRawBufferPointer(
        rebasing: file.bytes[start..<min(start + 1 << 20, length)])
      hasher.update(piece)
      file.letGo(piece)
    }
    return Digest(String(decoding: file.bytes[length...], as: UTF8.self)) == hasher.finish()
  }

  private func named(_ tensors: Tensors) -> [(String, FloatBuffer)] {
    [
      ("weights", tensors.weights), ("m", tensors.m), ("v", tensors.v), ("best", tensors.best),
      ("first_gradient", tensors.firstGradient),
    ]
  }
}

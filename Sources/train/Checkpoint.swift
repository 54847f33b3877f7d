import Bytes
import Formats
import Foundation
import Kernels

/// Stores all that a run needs to go on to the same bits after it was killed.
///
/// It lives in the action's work folder, so it is found again by the same action alone.
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

  private struct Facts: Codable {
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
      kernels: Kernels.variant, step: step, bestLoss: bestLoss.isFinite ? bestLoss : nil,
      bestStep: bestStep,
      validationsSinceBest: validationsSinceBest, firstLoss: firstLoss,
      trainingLines: trainingLines, validationLines: validationLines)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let all = named(tensors)
    let layout = SafetensorsLayout(
      tensors: all.map { .init(name: $0.0, type: .f32, shape: [$0.1.count]) },
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
    // The digest behind the content tells a whole checkpoint from one that a crash cut short.
    try file.write(contentsOf: Data(hasher.finish().hex.utf8))
    try file.synchronize()
    guard rename(beside.path, target.path) == 0 else {
      throw FileError(.rename, target.path, code: errno)
    }
  }

  /// Reads the last checkpoint into the tensors; nil if there is none that is whole.
  static func load(from folder: String, into tensors: Tensors) -> Checkpoint? {
    let path = URL(filePath: folder).appending(path: fileName).path
    guard let data = FileManager.default.contents(atPath: path), data.count > 64 else { return nil }
    let bytes = [UInt8](data.dropLast(64))
    guard Digest(String(decoding: data.suffix(64), as: UTF8.self)) == Digest(of: bytes),
      let file = try? SafetensorsFile(MappedFile(copying: bytes)),
      let text = file.metadata["facts"],
      let facts = try? JSONDecoder().decode(Facts.self, from: Data(text.utf8)),
      facts.kernels == Kernels.variant
    else { return nil }
    for (name, buffer) in Checkpoint().named(tensors) {
      guard let floats = try? file.floats(of: name), floats.count == buffer.count else {
        return nil
      }
      for (i, value) in floats.enumerated() { buffer.pointer[i] = value }
    }
    return Checkpoint(
      step: facts.step, trainingLines: facts.trainingLines,
      validationLines: facts.validationLines, bestLoss: facts.bestLoss ?? .infinity,
      bestStep: facts.bestStep, validationsSinceBest: facts.validationsSinceBest,
      firstLoss: facts.firstLoss)
  }

  private func named(_ tensors: Tensors) -> [(String, FloatBuffer)] {
    [
      ("weights", tensors.weights), ("m", tensors.m), ("v", tensors.v), ("best", tensors.best),
      ("first_gradient", tensors.firstGradient),
    ]
  }
}

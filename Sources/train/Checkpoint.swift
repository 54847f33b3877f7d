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

  /// What is saved beside the numbers: weights, moments, and the best weights so far.
  struct Tensors {
    let weights, m, v: FloatBuffer
    let best: FloatBuffer
  }

  static let fileName = "checkpoint.safetensors"

  private struct Facts: Codable {
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
      step: step, bestLoss: bestLoss.isFinite ? bestLoss : nil, bestStep: bestStep,
      validationsSinceBest: validationsSinceBest, firstLoss: firstLoss,
      trainingLines: trainingLines, validationLines: validationLines)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var writer = SafetensorsWriter(metadata: [
      "facts": String(decoding: try encoder.encode(facts), as: UTF8.self)
    ])
    for (name, buffer) in named(tensors) {
      writer.add(name, buffer.floats, shape: [buffer.count])
    }
    let target = URL(filePath: folder).appending(path: Self.fileName)
    let bytes = writer.bytes()
    // The digest behind the content tells a whole checkpoint from one that a crash cut short.
    try Data(bytes + Array(Digest(of: bytes).hex.utf8)).write(to: target, options: .atomic)
  }

  /// Reads the last checkpoint into the tensors; nil if there is none that is whole.
  static func load(from folder: String, into tensors: Tensors) -> Checkpoint? {
    let path = URL(filePath: folder).appending(path: fileName).path
    guard let data = FileManager.default.contents(atPath: path), data.count > 64 else { return nil }
    let bytes = [UInt8](data.dropLast(64))
    guard Digest(String(decoding: data.suffix(64), as: UTF8.self)) == Digest(of: bytes),
      let file = try? SafetensorsFile(MappedFile(copying: bytes)),
      let text = file.metadata["facts"],
      let facts = try? JSONDecoder().decode(Facts.self, from: Data(text.utf8))
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
    ]
  }
}

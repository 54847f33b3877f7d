import Bytes
import Formats
import Foundation
import Testing

/// The frequencies of rotary positions, against those of transformers (Tests/Fixtures/architectures).
struct RopeFrequenciesTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/architectures")

  /// PyTorch's power is off by its last bit now and then, which the blend of Llama 3's scaling, a
  /// quadratic in the frequency, at most doubles; a wrong formula is off by far more.
  private func compare(_ config: ModelConfig, _ expected: [Float], _ name: String) {
    let frequencies = config.ropeFrequencies
    #expect(frequencies.count == expected.count)
    var different = 0
    for (found, wanted) in zip(frequencies, expected) {
      #expect(abs(found - wanted) <= 4 * wanted.ulp, "\(name)")
      if found != wanted { different += 1 }
    }
    #expect(different <= 1 + expected.count / 16, "\(name): \(different) of \(expected.count)")
  }

  @Test func `of real sizes, plain, linear and as in Llama 3`() throws {
    let configs = try JSONNode(
      parsing: Data(contentsOf: Self.folder.appending(path: "frequencies.json")),
      format: "frequencies.json")
    let file = try SafetensorsFile(
      MappedFile(path: Self.folder.appending(path: "frequencies.safetensors").path))
    let members = try #require(configs.members)
    #expect(members.map(\.name).sorted() == file.names)
    for member in members {
      let config = try ModelConfig(json: member.value.bytes())
      compare(config, try file.floats(of: member.name), member.name)
      // What is written means the same.
      #expect(try ModelConfig(json: config.json()).ropeFrequencies == config.ropeFrequencies)
    }
  }

  @Test func `of every reference case`() throws {
    let cases = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
      .filter { !$0.contains(".") }
    #expect(cases.count == 9)
    for name in cases {
      let place = Self.folder.appending(path: name)
      let config = try ModelConfig(
        json: Data(contentsOf: place.appending(path: "model/config.json")))
      let file = try SafetensorsFile(
        MappedFile(path: place.appending(path: "forward.safetensors").path))
      compare(config, try file.floats(of: "rope_frequencies"), name)
      try config.check(
        SafetensorsFile(MappedFile(path: place.appending(path: "model/model.safetensors").path)))
    }
  }

  @Test func `a linear scaling divides, Llama 3's spares the fast ones`() throws {
    var config = ModelConfig(
      hiddenSize: 64, intermediateSize: 64, layerCount: 1, headCount: 1, vocabularySize: 8,
      ropeTheta: 10_000)
    let plain = config.ropeFrequencies
    #expect(plain[0] == 1 && abs(plain[16] - 0.01) < 1e-8)
    config.ropeScaling = .linear(factor: 4)
    #expect(config.ropeFrequencies == plain.map { $0 / 4 })
    config.ropeScaling = .llama3(
      factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 256)
    let scaled = config.ropeFrequencies
    for (before, after) in zip(plain, scaled) {
      let length = 2 * Float.pi / before
      if length < 64 { #expect(after == before) }
      if length > 256 { #expect(after == before / 4) }
      #expect(after <= before && after >= before / 4)
    }
    #expect(zip(scaled, scaled.dropFirst()).allSatisfy { $0 > $1 })
  }
}

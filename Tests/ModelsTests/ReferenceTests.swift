import Formats
import Kernels
import Models
import Testing

/// The numbers PyTorch, transformers and PEFT computed, within the tolerances their README gives.
@Suite struct ReferenceTests {
  @Test(arguments: Reference.all)
  func `logits and loss`(name: String) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    let network = Network(reference.model)
    let forward = try reference.tensors("forward.safetensors")

    let expected = try forward.floats(of: "logits")
    let v = reference.model.config.vocabularySize
    let logits = network.logits(batch, rows: Array(0..<batch.count))
    for (row, padded) in reference.paddedRows.enumerated() {
      let difference = largestDifference(
        logits[row * v..<(row + 1) * v], expected[padded * v..<(padded + 1) * v])
      #expect(difference < 2e-5, "row \(row)")
    }

    let count = try forward.tensor("n_loss_tokens").int64s()[0]
    #expect(batch.lossRows.count == Int(count))
    let loss = Float(network.loss(batch) / Double(count))
    #expect(abs(loss - (try forward.floats(of: "loss")[0])) < 2e-6)
  }

  @Test(arguments: Reference.all)
  func `gradients of every base weight`(name: String) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    let network = Network(reference.model, training: .everything)
    _ = network.lossAndGradient(batch, scale: 1 / Float(batch.lossRows.count))
    let expected = try reference.tensors("full_grads.safetensors")
    for entry in reference.model.layout.entries {
      let wanted = try expected.floats(of: entry.name)
      let got = network.gradient.floats[entry.offset..<entry.offset + entry.count]
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      #expect(largestDifference(got, wanted) <= 1e-4 * largest, "\(entry.name)")
    }
  }

  @Test(arguments: Reference.all)
  func `gradients of the adapter`(name: String) throws {
    let reference = try Reference(name)
    let batch = try reference.batch()
    let adapter = try reference.adapter("adapter_init")
    let network = Network(
      reference.model, adapter: adapter, training: .adapter)
    _ = network.lossAndGradient(batch, scale: 1 / Float(batch.lossRows.count))
    let expected = try reference.tensors("lora_grads_step1.safetensors")
    var compared = 0
    for entry in adapter.layout.entries {
      let name = expected.names.first { $0.hasSuffix(entry.name) || entry.name.hasSuffix($0) }
      guard let name = name ?? expected.names.first(where: { same($0, entry.name) }) else {
        Issue.record("no reference for \(entry.name) among \(expected.names)")
        continue
      }
      let wanted = try expected.floats(of: name)
      let got = network.gradient.floats[entry.offset..<entry.offset + entry.count]
      let largest = wanted.reduce(0) { max($0, abs($1)) }
      #expect(largestDifference(got, wanted) <= 1e-4 * largest, "\(entry.name)")
      compared += 1
    }
    #expect(compared == adapter.layout.entries.count)
  }

  /// PEFT names the same tensor with and without the adapter's name in the middle.
  private func same(_ a: String, _ b: String) -> Bool {
    a.replacing(".default", with: "") == b.replacing(".default", with: "")
  }
}

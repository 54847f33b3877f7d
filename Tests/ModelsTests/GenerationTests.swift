import Bytes
import Formats
import Kernels
import Models
import TestKit
import Testing

@Suite struct GenerationTests {
  @Test(arguments: Reference.all)
  func `greedy continuation is the reference's`(name: String) throws {
    let reference = try Reference(name)
    let prompt = Array(reference.samples[0].ids.prefix(8))
    let wanted = try reference.tensors("forward.safetensors").tensor("greedy_prompt8_plus16")
      .int32s()
    let network = Network(reference.model)
    let result = try network.generate(
      [prompt], options: GenerationOptions(maximumTokens: 16))
    #expect(prompt + result[0].tokens == Array(wanted.suffix(24)) || result[0].tokens == wanted)
  }

  @Test func `a sequence does not depend on those beside it`() throws {
    let reference = try Reference("llama-tied-gqa")
    let network = Network(reference.model)
    let prompts: [[Int32]] = [[1, 5, 9], [7], [100, 200, 300, 400, 500], [2, 2]]
    var options = GenerationOptions(maximumTokens: 20, temperature: 1, topK: 50, topP: 0.9, seed: 4)
    options.stop = [17]
    let together = try network.generate(prompts, options: options)
    // Sequence 0 draws the same numbers whether it is alone or not.
    let alone = try network.generate([prompts[0]], options: options)
    #expect(alone[0] == together[0])
    #expect(together.allSatisfy { !$0.tokens.contains(17) })
    let again = try network.generate(prompts, options: options)
    #expect(again == together)
  }

  @Test func `generation ends at the model's last position`() throws {
    let reference = try Reference("llama-tied-gqa")
    let network = Network(reference.model)
    let prompt = [Int32](repeating: 3, count: 120)
    let result = try network.generate([prompt], options: GenerationOptions(maximumTokens: 100))
    #expect(result[0].tokens.count == 9)  // 128 positions hold 120 + 8; the ninth is never read.
    #expect(throws: ModelError.self) {
      try network.generate([[]], options: GenerationOptions(maximumTokens: 1))
    }
    #expect(throws: ModelError.tokenOutOfRange(id: 512, vocabulary: 512)) {
      try network.generate([[512]], options: GenerationOptions(maximumTokens: 1))
    }
  }
}

import Bytes
import Formats
import Kernels
import Models
import Testing

struct AdapterTests {
  @Test(arguments: [Float.nan, .infinity])
  func `an adapter with a number that is none is refused, and named`(number: Float) throws {
    let model = try Reference("llama-tied-gqa").model
    let config = AdapterConfig(rank: 2, alpha: 4, targets: ["q_proj"])
    var random = SeededRandom(seed: 1)
    let adapter = Adapter(config: config, base: model, random: &random)
    func read() throws -> Adapter {
      try Adapter(
        config: config, base: model,
        source: SafetensorsFile(MappedFile(copying: adapter.safetensors())))
    }
    #expect(try read().bytes == adapter.bytes)
    let last = adapter.layout.entries[adapter.layout.entries.count - 1]
    adapter.weights.pointer[last.offset + 1] = number
    let error = #expect(throws: FormatError.self) { try read() }
    #expect(error?.description.contains(last.name) == true)
    #expect(error?.description.contains("\(number) at place 1") == true)
  }
}

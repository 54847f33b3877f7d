import Bytes
import Foundation
import Testing

@testable import Formats

/// Folders of models as people have them, whole and hostile.
struct ModelFolderTests {
  let source = GGUFTests.Source(config: GGUFTests.config(.llama))

  private func shard(_ names: [String], as type: ScalarType = .bf16) throws -> [UInt8] {
    var writer = SafetensorsWriter()
    for name in names {
      writer.add(name, try source.floats(of: name), shape: source.shape(of: name) ?? [], as: type)
    }
    return writer.bytes()
  }

  private func open(_ files: [String: [UInt8]]) throws -> ModelFolder {
    let files = files.merging(["config.json": source.config.json()]) { own, _ in own }
    return try ModelFolder(paths: files.keys.sorted()) { path in
      MappedFile(copying: try #require(files[path]))
    }
  }

  private func index(_ places: [(String, String)]) -> [UInt8] {
    JSONNode.object([
      "weight_map": .object(places.map { JSONMember($0.0, .string($0.1)) })
    ]).bytes(sorted: false)
  }

  /// Two shards, each name in one of them.
  private func halves() throws -> (first: [String], second: [String]) {
    let names = source.names
    return (Array(names.prefix(names.count / 2)), Array(names.dropFirst(names.count / 2)))
  }

  @Test(arguments: [ScalarType.f32, .f16, .bf16])
  func `shards with an index are one model`(type: ScalarType) throws {
    let (first, second) = try halves()
    let (a, b) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    let folder = try open([
      a: shard(first, as: type), b: shard(second, as: type),
      "model.safetensors.index.json": index(first.map { ($0, a) } + second.map { ($0, b) }),
      // The same weights in another layout, as some folders have them: not even looked at.
      "consolidated.safetensors": [1, 2, 3],
    ])
    #expect(folder.tensors.names == source.names)
    for name in source.names {
      let floats = try folder.tensors.floats(of: name)
      for (a, b) in zip(floats, try source.floats(of: name)) { #expect(abs(a - b) <= 0.02) }
    }
  }

  @Test func `an index that does not fit its files is refused with words`() throws {
    let (first, second) = try halves()
    let (a, b) = ("model-1.safetensors", "model-2.safetensors")
    let files = [a: try shard(first), b: try shard(second)]
    func words(_ places: [(String, String)]) throws -> String {
      let index = ["model.safetensors.index.json": index(places)]
      return "\(try #require(throws: FormatError.self) { try open(files.merging(index) { $1 }) })"
    }
    let good = first.map { ($0, a) } + second.map { ($0, b) }
    #expect(try words(good + [("other", "model-3.safetensors")]).contains("model-3.safetensors"))
    #expect(try words(good.map { ($0.0, a) }).contains("tensor \(second[0])"))
    #expect(try words([("x", "../secret.safetensors")]).contains("weight_map.x"))
    #expect(try words(good + [(first[0], b)]).contains("given twice"))
    #expect(try words([]).contains("weight_map"))
    // Without an index, a name in two files leaves open which is meant.
    let error = try #require(throws: FormatError.self) {
      try open([a: shard(first + second), b: shard(second)])
    }
    #expect("\(error)".contains("both in model-1.safetensors and in model-2.safetensors"))
  }

  @Test func `an output matrix that differs from the embedding is taken, whatever the config says`()
    throws
  {
    let (embedding, output) = ("model.embed_tokens.weight", "lm_head.weight")
    let shape = try #require(source.shape(of: embedding))
    let rounded = try SafetensorsFile(MappedFile(copying: try shard([embedding])))
      .floats(of: embedding)
    var other = rounded
    other[other.count - 1] += 1
    #expect(source.config.tiedEmbeddings)
    for (values, type, isTied) in [
      (rounded, .bf16, true), (rounded, .f32, true), (other, .bf16, false), (other, .f32, false),
    ] as [([Float], ScalarType, Bool)] {
      var head = SafetensorsWriter()
      head.add(output, values, shape: shape, as: type)
      let folder = try open(["a.safetensors": shard(source.names), "b.safetensors": head.bytes()])
      #expect(folder.config.tiedEmbeddings == isTied)
      #expect(folder.config.tensors.contains { $0.name == output } != isTied)
    }
  }

  @Test(arguments: ["model.safetensors", ""])
  func `weights alone are no model, and the folder is asked for`(path: String) throws {
    let bytes = try shard(source.names)
    let error = try #require(throws: FormatError.self) {
      try ModelFolder(paths: [path]) { _ in MappedFile(copying: bytes) }
    }
    #expect(error == .weightsAlone(file: path))
    #expect("\(error)".contains("give the folder"))
  }

  @Test func `generation_config names more ends of a text`() throws {
    let folder = try open([
      "model.safetensors": shard(source.names),
      "generation_config.json": Array(#"{"eos_token_id": [7, 9], "bos_token_id": 3}"#.utf8),
    ])
    #expect(folder.config.eosIDs == [7, 9] && folder.config.bosID == 3)
  }

  @Test func `sizes that no model has are refused before anything is made of them`() throws {
    func words(_ field: String, _ value: Int) throws -> String {
      let node = try JSONNode(parsing: source.config.json())
      let members = (node.members ?? []).map {
        $0.name == field ? JSONMember(field, .int(value)) : $0
      }
      return
        "\(try #require(throws: FormatError.self) { try ModelConfig(json: JSONNode.object(members).bytes()) })"
    }
    #expect(try words("num_hidden_layers", 1 << 27).contains("number of layers"))
    #expect(try words("head_dim", 1 << 27).contains("heads times their size"))
    #expect(try words("intermediate_size", 1 << 28).contains("intermediate size"))
    let twice = Array(#"{"model_type": "llama", "model_type": "qwen2"}"#.utf8)
    #expect(
      throws: FormatError.invalid(
        format: "config.json", field: "model_type", found: "given twice")
    ) { try ModelConfig(json: twice) }
  }
}

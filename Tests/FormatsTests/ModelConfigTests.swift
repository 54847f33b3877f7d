import Formats
import Testing

/// Configs of models and adapters.
struct ModelConfigTests {
  static let fields = [
    "model_type": #""llama""#, "hidden_size": "64", "intermediate_size": "160",
    "num_hidden_layers": "2", "num_attention_heads": "4", "num_key_value_heads": "2",
    "vocab_size": "512", "rms_norm_eps": "1e-5", "hidden_act": #""silu""#,
    "rope_parameters": #"{"rope_theta": 50000.0, "rope_type": "default"}"#,
    "tie_word_embeddings": "true", "eos_token_id": "[2, 7]", "bos_token_id": "1",
  ]

  static func json(_ changes: [String: String?] = [:]) -> [UInt8] {
    var fields = Self.fields
    for (name, value) in changes { fields[name] = value }
    return Array(
      ("{"
        + fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        .joined(separator: ",") + "}").utf8)
  }

  @Test func `the fields of a Llama are read`() throws {
    let config = try ModelConfig(json: Self.json())
    #expect(config.headSize == 16)
    #expect(config.keyValueHeadCount == 2)
    #expect(config.ropeTheta == 50_000)
    #expect(config.tiedEmbeddings)
    #expect(config.eosIDs == [2, 7])
    #expect(!config.queryKeyValueBias)
    #expect(config.tensors.count == 1 + 2 * 9 + 1)
    #expect(config.parameterCount == config.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) })
  }

  @Test func `older files have rope_theta at the top`() throws {
    let config = try ModelConfig(
      json: Self.json(["rope_parameters": nil, "rope_theta": "1e6", "rope_scaling": "null"]))
    #expect(config.ropeTheta == 1_000_000)
  }

  @Test func `Qwen2 has biases without saying so`() throws {
    let config = try ModelConfig(
      json: Self.json([
        "model_type": #""qwen2""#, "use_sliding_window": "false", "sliding_window": "4096",
        "max_window_layers": "28", "layer_types": #"["full_attention"]"#,
      ]))
    #expect(config.queryKeyValueBias)
    #expect(!config.outputBias)
  }

  @Test(arguments: ModelFamily.allCases)
  func `what is written is read back`(family: ModelFamily) throws {
    var changes = ["model_type": "\"\(family.rawValue)\""]
    if family == .mistral { changes["sliding_window"] = "null" }
    if [.llama, .qwen3].contains(family) { changes["attention_bias"] = "true" }
    if family == .llama { changes["mlp_bias"] = "true" }
    var config = try ModelConfig(json: Self.json(changes))
    config.maximumPositions = 77
    for scaling in [nil, RopeScaling.linear(factor: 2.5), Self.llama3] {
      config.ropeScaling = scaling
      #expect(try ModelConfig(json: config.json()) == config)
    }
  }

  static let llama3 = RopeScaling.llama3(
    factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192)

  @Test(
    arguments: [
      (#"{"rope_type": "default"}"#, nil), ("{}", nil),
      (#"{"rope_type": "linear", "factor": 2.5}"#, .linear(factor: 2.5)),
      (#"{"type": "linear", "factor": 2}"#, .linear(factor: 2)),
      (
        #"{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "#
          + #""high_freq_factor": 4.0, "original_max_position_embeddings": 8192}"#,
        llama3
      ),
    ] as [(String, RopeScaling?)])
  func `both forms of a scaling are read`(scaling: String, expected: RopeScaling?) throws {
    let old = try ModelConfig(
      json: Self.json(["rope_parameters": nil, "rope_theta": "1e6", "rope_scaling": scaling]))
    #expect(old.ropeScaling == expected)
    #expect(old.ropeTheta == 1_000_000)
    let inside = scaling.dropFirst().dropLast()
    let comma = inside.isEmpty ? "" : ","
    let new = try ModelConfig(
      json: Self.json([
        "rope_parameters": "{\(inside)\(comma)\"rope_theta\": 1e6}", "rope_theta": "5",
      ]))
    #expect(new.ropeScaling == expected)
    #expect(new.ropeTheta == 1_000_000)  // what stands inside holds
  }

  @Test func `a scaling that does not say its context means the model's`() throws {
    let config = try ModelConfig(
      json: Self.json([
        "max_position_embeddings": "300",
        "rope_parameters":
          #"{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}"#,
      ]))
    #expect(
      config.ropeScaling
        == .llama3(
          factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 300))
  }

  @Test func `Qwen3 norms its heads and has a head size of its own`() throws {
    let config = try ModelConfig(
      json: Self.json(["model_type": #""qwen3""#, "attention_bias": "true"]))
    #expect(config.queryKeyNorm)
    #expect(config.headSize == 128)  // the default of its class, not 64 / 4
    #expect(config.queryKeyValueBias && config.outputBias)
    for name in ["q_norm", "k_norm"] {
      let norm = config.tensors.first { $0.name == "model.layers.1.self_attn.\(name).weight" }
      #expect(norm?.shape == [128])
    }
    #expect(!(try ModelConfig(json: Self.json(["model_type": #""qwen2""#])).queryKeyNorm))
  }

  @Test func `biases of the MLP are tensors`() throws {
    let config = try ModelConfig(json: Self.json(["mlp_bias": "true"]))
    let biases = config.tensors.filter { $0.name.hasPrefix("model.layers.0.mlp.") }
    #expect(biases.filter { $0.shape.count == 1 }.map(\.shape) == [[160], [160], [64]])
  }

  @Test(
    arguments: [
      ("llama", nil, 2048, 32), ("mistral", "null", 131_072, 8), ("qwen2", nil, 32_768, 32),
      ("qwen3", nil, 32_768, 32),
    ] as [(String, String?, Int, Int)])
  func `what a config does not say is what its class in transformers says`(
    family: String, window: String?, positions: Int, keyHeads: Int
  ) throws {
    let fields = [
      "model_type": "\"\(family)\"", "sliding_window": window, "num_attention_heads": "32",
    ]
    let missing = try ModelConfig(
      json: Self.json(fields.merging(["num_key_value_heads": nil]) { $1 }))
    #expect(missing.maximumPositions == positions)
    #expect(missing.keyValueHeadCount == keyHeads)
    let null = try ModelConfig(
      json: Self.json(
        fields.merging(["num_key_value_heads": "null", "num_attention_heads": "16"]) { $1 }))
    #expect(null.keyValueHeadCount == 16)
  }

  @Test func `fields that change nothing are passed over`() throws {
    let architecture = ["architectures": #"["LlamaForCausalLM"]"#]
    let more = [
      "use_cache": "true", "_name_or_path": #""x""#, "transformers_version": #""5.0""#,
      "some_flag": "false", "some_null": "null",
    ]
    #expect(
      try ModelConfig(json: Self.json(architecture.merging(more) { $1 }))
        == ModelConfig(json: Self.json(architecture)))
  }

  @Test(arguments: [false, true])
  func `adapter configs are read back`(weightDecomposed: Bool) throws {
    let config = AdapterConfig(
      rank: 8, alpha: 16, dropout: 0.1, targets: ["v_proj", "q_proj"], rankStabilised: true,
      weightDecomposed: weightDecomposed)
    #expect(config.targets == ["q_proj", "v_proj"])
    #expect(try AdapterConfig(json: config.json()) == config)
    #expect(config.scale == 16 / 8.0.squareRoot())
  }

  @Test func `targets may be named with the paths of all layers`() throws {
    let paths = (0..<2).flatMap { layer in
      ["self_attn.q_proj", "mlp.down_proj"].map { #""model.layers.\#(layer).\#($0)""# }
    }.joined(separator: ",")
    let json = #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":[\#(paths)]}"#
    #expect(try AdapterConfig(json: Array(json.utf8)).targets == ["down_proj", "q_proj"])
  }

  @Test(arguments: [
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["vision.layers.0.self_attn.q_proj"]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["model.layers.0.mlp.q_proj"]}"#,
    #"{"peft_type":"IA3","r":8,"lora_alpha":16,"target_modules":["q_proj"]}"#,
    #"{"peft_type":"LORA","r":0,"lora_alpha":16,"target_modules":["q_proj"]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["embed_tokens"]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":[]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"use_dora":"yes"}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"rank_pattern":{"x":4}}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"modules_to_save":["lm_head"]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"init_lora_weights":"pissa"}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"new_kind":{"x":1}}"#,
  ])
  func `adapters that are neither plain LoRA nor DoRA are refused`(json: String) {
    #expect(throws: FormatError.self) { try AdapterConfig(json: Array(json.utf8)) }
  }

  @Test func `fields of adapters that change nothing are passed over`() throws {
    let json =
      #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"#
      + #""init_lora_weights":"gaussian","peft_version":"0.21","new_kind":false,"newer":null}"#
    #expect(try AdapterConfig(json: Array(json.utf8)).rank == 8)
  }
}

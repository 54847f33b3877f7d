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

  @Test func `what is written is read back`() throws {
    for family in [ModelFamily.llama, .qwen2, .mistral] {
      var config = try ModelConfig(json: Self.json(["model_type": "\"\(family.rawValue)\""]))
      config.maximumPositions = 77
      #expect(try ModelConfig(json: config.json()) == config)
    }
  }

  @Test(
    arguments: [
      ("model_type", #""gpt2""#), ("model_type", nil), ("hidden_act", #""gelu""#),
      ("sliding_window", "4096"), ("rope_scaling", #"{"rope_type": "llama3", "factor": 8}"#),
      ("rope_parameters", #"{"rope_type": "yarn", "rope_theta": 1e4}"#), ("mlp_bias", "true"),
      ("num_key_value_heads", "3"), ("hidden_size", "0"), ("hidden_size", "-64"),
      ("hidden_size", "1e30"), ("hidden_size", nil), ("vocab_size", #""512""#),
      ("rms_norm_eps", "0"), ("some_new_scaling", "2.5"), ("final_logit_softcapping", "30"),
      ("num_experts", "8"), ("head_dim", "15"), ("quantization_config", #"{"bits":4}"#),
      ("layer_types", #"["sliding_attention"]"#), ("eos_token_id", #""x""#),
    ] as [(String, String?)])
  func `what plm does not compute is refused by name`(name: String, value: String?) {
    #expect(throws: FormatError.self) { try ModelConfig(json: Self.json([name: value])) }
  }

  @Test func `fields that change nothing are passed over`() throws {
    _ = try ModelConfig(
      json: Self.json([
        "architectures": #"["LlamaForCausalLM"]"#, "use_cache": "true", "_name_or_path": #""x""#,
        "transformers_version": #""5.0""#, "some_flag": "false", "some_null": "null",
      ]))
  }

  @Test func `adapter configs are read back`() throws {
    let config = AdapterConfig(
      rank: 8, alpha: 16, dropout: 0.1, targets: ["v_proj", "q_proj"], rankStabilised: true)
    #expect(config.targets == ["q_proj", "v_proj"])
    #expect(try AdapterConfig(json: config.json()) == config)
    #expect(config.scale == 16 / 8.0.squareRoot())
  }

  @Test(arguments: [
    #"{"peft_type":"IA3","r":8,"lora_alpha":16,"target_modules":["q_proj"]}"#,
    #"{"peft_type":"LORA","r":0,"lora_alpha":16,"target_modules":["q_proj"]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["embed_tokens"]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":[]}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"use_dora":true}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"rank_pattern":{"x":4}}"#,
    #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"modules_to_save":["lm_head"]}"#,
  ])
  func `adapters that are no plain LoRA are refused`(json: String) {
    #expect(throws: FormatError.self) { try AdapterConfig(json: Array(json.utf8)) }
  }
}

import Formats
import Testing

/// Configs that mean mathematics plm does not compute.
struct RefusedConfigTests {
  /// Changes of a config, and what the error says: the field, and what was found or is wanted.
  static let refused: [([String: String?], String)] = [
    (
      ["model_type": #""gpt2""#], "model_type: gpt2 · use a model with llama, mistral, qwen2, qwen3"
    ),
    (["model_type": nil], "lacks something · model_type"),
    (["hidden_act": #""gelu""#], #"hidden_act: "gelu""#),
    (["sliding_window": "1024"], "sliding_window: 1024"),
    (
      ["model_type": #""mistral""#],
      "sliding_window: missing, which means 4096 · use a model with a window of at least "
        + "max_position_embeddings (131072), or null"
    ),
    (
      // Mistral's class does not know the field that would turn the window off.
      ["model_type": #""mistral""#, "sliding_window": "1024", "use_sliding_window": "false"],
      "sliding_window: 1024"
    ),
    (
      ["model_type": #""qwen2""#, "use_sliding_window": "true", "sliding_window": "1024"],
      "sliding_window: 1024"
    ),
    (
      ["model_type": #""qwen3""#, "use_sliding_window": "true"],
      "sliding_window: missing, which means 4096"
    ),
    (["sliding_window": "-1"], "malformed · sliding_window: -1"),
    (["rope_scaling": #"{"rope_type": "linear", "factor": 8}"#], "rope_scaling: other values"),
    (
      ["rope_parameters": #"{"rope_type": "yarn", "rope_theta": 1e4}"#],
      "rope_parameters.rope_type: yarn · use a model with rope type default, linear or llama3"
    ),
    (
      ["rope_parameters": nil, "rope_scaling": #"{"type": "dynamic", "factor": 2}"#],
      "rope_scaling.type: dynamic"
    ),
    (["rope_parameters": #"{"rope_type": "linear"}"#], "lacks something · rope_parameters.factor"),
    (["rope_parameters": #"{"rope_type": "linear", "factor": 0}"#], "rope_parameters.factor: 0"),
    (
      ["rope_parameters": #"{"rope_type": "linear", "factor": 2, "beta_fast": 32}"#],
      "unknown field · rope_parameters.beta_fast: 32"
    ),
    (
      ["rope_parameters": #"{"rope_type": "linear", "factor": 2, "low_freq_factor": 1}"#],
      "unknown field · rope_parameters.low_freq_factor: 1"
    ),
    (
      ["rope_parameters": #"{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1}"#],
      "lacks something · rope_parameters.high_freq_factor"
    ),
    (
      [
        "rope_parameters":
          #"{"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}"#
      ], "rope_parameters.high_freq_factor: 4.0, not above low_freq_factor 4.0"
    ),
    (
      ["rope_parameters": #"{"rope_theta": 1e4, "partial_rotary_factor": 0.5}"#],
      "rope_parameters.partial_rotary_factor: 0.5"
    ),
    (["rope_parameters": #"{"full_attention": {"rope_theta": 1e4}}"#], "full_attention"),
    (["rope_parameters": #""linear""#], #"malformed · rope_parameters: "linear""#),
    (["rope_parameters": nil, "rope_theta": "0"], "rope_theta: 0"),
    (["rope_parameters": nil, "rope_theta": "1e300"], "rope_theta: 1e+300"),
    (["partial_rotary_factor": "0.5"], "partial_rotary_factor: 0.5"),
    (["original_max_position_embeddings": "4096"], "original_max_position_embeddings: 4096"),
    (
      ["model_type": #""mistral""#, "sliding_window": "null", "attention_bias": "true"],
      "attention_bias: true · use a model with attention_bias false in a mistral"
    ),
    (["model_type": #""qwen2""#, "mlp_bias": "true"], "mlp_bias: true"),
    (["mlp_bias": "1"], "malformed · mlp_bias: 1"),
    (["num_key_value_heads": "3"], "num_key_value_heads: 3, which does not divide 4 heads"),
    (["hidden_size": "0"], "hidden_size: 0"), (["hidden_size": "-64"], "hidden_size: -64"),
    (["hidden_size": "1e30"], "hidden_size: 1e+30"),
    (["hidden_size": nil], "lacks something · hidden_size"),
    (["hidden_size": "2"], "head_dim: 0, which is not even"),
    (["vocab_size": #""512""#], #"vocab_size: "512""#), (["rms_norm_eps": "0"], "rms_norm_eps: 0"),
    (["some_new_scaling": "2.5"], "unknown field · some_new_scaling: 2.5"),
    (["final_logit_softcapping": "30"], "final_logit_softcapping: 30"),
    (["num_experts": "8"], "unknown field · num_experts: 8"),
    (["head_dim": "15"], "head_dim: 15, which is not even"),
    (["quantization_config": #"{"bits":4}"#], #"quantization_config: {"bits":4}"#),
    (["layer_types": #"["sliding_attention"]"#], #"layer_types: "sliding_attention""#),
    (["layer_types": #""full_attention""#], "malformed · layer_types"),
    (["no_rope_layers": "[1, 0]"], "no_rope_layers: 0 · use a model with 1 for every layer"),
    (["no_rope_layer_interval": "4"], "unknown field · no_rope_layer_interval: 4"),
    (["use_mrope": "true"], "use_mrope: true"), (["eos_token_id": #""x""#], #"eos_token_id: "x""#),
  ]

  @Test(arguments: refused)
  func `what plm does not compute is refused by name`(
    changes: [String: String?], words: String
  ) throws {
    let error = try #require(throws: FormatError.self) {
      try ModelConfig(json: ModelConfigTests.json(changes))
    }
    #expect("\(error)".contains(words))
  }

  @Test(
    arguments: [
      ["model_type": #""mistral""#, "sliding_window": "2048", "max_position_embeddings": "2048"],
      ["model_type": #""mistral""#, "max_position_embeddings": "4096"],  // 4096 by default
      ["model_type": #""qwen2""#, "use_sliding_window": "false", "sliding_window": "16"],
      ["model_type": #""qwen2""#, "sliding_window": "16"],  // not used by default
      ["model_type": #""qwen3""#, "use_sliding_window": "true", "sliding_window": "null"],
      ["layer_types": #"["full_attention", "full_attention"]"#],
      ["no_rope_layers": "[1, 1]", "no_rope_layer_interval": "4"], ["mlp_bias": "false"],
      ["rope_parameters": nil, "rope_scaling": "null"],
      ["model_type": #""qwen2""#, "attention_bias": "false"],
    ] as [[String: String?]])
  func `the same settings turned off are passed over`(changes: [String: String?]) throws {
    let config = try ModelConfig(json: ModelConfigTests.json(changes))
    #expect(config.ropeScaling == nil && !config.mlpBias && !config.outputBias)
  }
}

/// Names the families of models whose mathematics plm knows.
public enum ModelFamily: String, Sendable, Codable, CaseIterable {
  case llama
  case mistral
  case qwen2
  case qwen3
}

/// Stores what the class of a family in transformers does that its config need not say.
///
/// The defaults are those of the classes LlamaConfig, MistralConfig, Qwen2Config and Qwen3Config in
/// transformers 5; the biases are those their attention and MLP layers are made with.
struct FamilyTraits {
  /// Decides which attention projections add a bias.
  enum AttentionBias {
    /// None, whatever the config says.
    case never
    /// Query, key and value, whatever the config says.
    case queryKeyValue
    /// All four, if the config's `attention_bias` says so.
    case field
  }

  /// Decides what the field `sliding_window` means.
  enum SlidingWindow {
    /// The class has no such field.
    case none
    /// It holds unless it is null.
    case always
    /// It holds only where `use_sliding_window` is true.
    case ifUsed
  }

  /// The class in transformers.
  let architecture: String
  /// The architecture in GGUF.
  let gguf: String
  let attentionBias: AttentionBias
  /// Whether `mlp_bias` is a field of the class.
  let hasMLPBias: Bool
  let queryKeyNorm: Bool
  let slidingWindow: SlidingWindow
  /// What holds where the config does not say; nil where it follows from other fields.
  let headSize: Int?
  let keyValueHeads: Int?
  let maximumPositions: Int
}

extension ModelFamily {
  var traits: FamilyTraits {
    switch self {
    case .llama:
      FamilyTraits(
        architecture: "LlamaForCausalLM", gguf: "llama", attentionBias: .field, hasMLPBias: true,
        queryKeyNorm: false, slidingWindow: .none, headSize: nil, keyValueHeads: nil,
        maximumPositions: 2048)
    case .mistral:
      FamilyTraits(
        architecture: "MistralForCausalLM", gguf: "llama", attentionBias: .never,
        hasMLPBias: false, queryKeyNorm: false, slidingWindow: .always, headSize: nil,
        keyValueHeads: 8, maximumPositions: 131_072)
    case .qwen2:
      FamilyTraits(
        architecture: "Qwen2ForCausalLM", gguf: "qwen2", attentionBias: .queryKeyValue,
        hasMLPBias: false, queryKeyNorm: false, slidingWindow: .ifUsed, headSize: nil,
        keyValueHeads: 32, maximumPositions: 32_768)
    case .qwen3:
      FamilyTraits(
        architecture: "Qwen3ForCausalLM", gguf: "qwen3", attentionBias: .field, hasMLPBias: false,
        queryKeyNorm: true, slidingWindow: .ifUsed, headSize: 128, keyValueHeads: 32,
        maximumPositions: 32_768)
    }
  }
}

/// Translates the names of a model's tensors between Hugging Face and GGUF.
public enum GGUFNames {
  private static let whole = [
    ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
  ]
  private static let layer = [
    ("input_layernorm", "attn_norm"), ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"), ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"), ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
  ]
  /// What each frequency of the rotary positions is divided by, [headSize / 2].
  static let ropeDivisors = "rope_freqs.weight"

  /// The GGUF name of a Hugging Face tensor (`….weight`, `….bias`); nil if it is none of a Llama.
  public static func gguf(_ name: String) -> String? {
    guard let (stem, ending) = parts(name) else { return nil }
    if let found = whole.first(where: { $0.0 == stem }) { return "\(found.1).\(ending)" }
    let prefix = "model.layers."
    guard stem.hasPrefix(prefix) else { return nil }
    let rest = stem.dropFirst(prefix.count)
    guard let dot = rest.firstIndex(of: "."), let number = Int(rest[..<dot]),
      let found = layer.first(where: { $0.0 == rest[rest.index(after: dot)...] })
    else { return nil }
    return "blk.\(number).\(found.1).\(ending)"
  }

  /// The layer that a Hugging Face tensor belongs to, if any.
  static func layer(of name: String) -> Int? {
    let parts = name.split(separator: ".", maxSplits: 3)
    return parts.count == 4 && parts[1] == "layers" ? Int(parts[2]) : nil
  }

  private static func parts(_ name: String) -> (stem: String, ending: String)? {
    guard let dot = name.lastIndex(of: ".") else { return nil }
    return (String(name[..<dot]), String(name[name.index(after: dot)...]))
  }
}

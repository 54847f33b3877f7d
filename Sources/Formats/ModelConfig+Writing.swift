extension ModelConfig {
  /// The `config.json` that Hugging Face transformers reads.
  public func json() -> [UInt8] {
    let traits = family.traits
    var members: [JSONMember] = [
      JSONMember("architectures", .array([.string(traits.architecture)])),
      JSONMember("attention_dropout", .double(0)),
      JSONMember("dtype", .string("float32")),
      JSONMember("head_dim", .int(headSize)),
      JSONMember("hidden_act", .string("silu")),
      JSONMember("hidden_size", .int(hiddenSize)),
      JSONMember("intermediate_size", .int(intermediateSize)),
      JSONMember("max_position_embeddings", .int(maximumPositions)),
      JSONMember("model_type", .string(family.rawValue)),
      JSONMember("num_attention_heads", .int(headCount)),
      JSONMember("num_hidden_layers", .int(layerCount)),
      JSONMember("num_key_value_heads", .int(keyValueHeadCount)),
      JSONMember("rms_norm_eps", .double(normEpsilon)),
      JSONMember("rope_theta", .double(ropeTheta)),
      JSONMember("tie_word_embeddings", .bool(tiedEmbeddings)),
      JSONMember("vocab_size", .int(vocabularySize)),
    ]
    // `rope_scaling` beside `rope_theta` is read by transformers 4 and 5 alike.
    if let ropeScaling { members.append(JSONMember("rope_scaling", ropeScaling.json())) }
    if traits.attentionBias == .field {
      members.append(JSONMember("attention_bias", .bool(queryKeyValueBias)))
    }
    if traits.hasMLPBias { members.append(JSONMember("mlp_bias", .bool(mlpBias))) }
    if traits.slidingWindow == .always { members.append(JSONMember("sliding_window", .null)) }
    if let bosID { members.append(JSONMember("bos_token_id", .int(Int(bosID)))) }
    if let padID { members.append(JSONMember("pad_token_id", .int(Int(padID)))) }
    if eosIDs.count == 1 {
      members.append(JSONMember("eos_token_id", .int(Int(eosIDs[0]))))
    } else if !eosIDs.isEmpty {
      members.append(JSONMember("eos_token_id", .array(eosIDs.map { .int(Int($0)) })))
    }
    return JSONNode.object(members).indentedBytes()
  }
}

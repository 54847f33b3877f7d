/// Names the chat formats in common use.
public enum ChatFamily: String, CaseIterable, Sendable {
  /// `<|im_start|>role … <|im_end|>`, with no system message of its own.
  case chatML = "chatml"
  /// ChatML with SmolLM2's system message where there is none.
  case smolLM2 = "smollm2"
  /// ChatML with Qwen2's system message where there is none.
  case qwen2
  /// `[INST] <<SYS>> … <</SYS>> … [/INST]`.
  case llama2
  /// `<|start_header_id|>role<|end_header_id|> … <|eot_id|>`.
  case llama3
  /// `[INST] … [/INST]` without system messages.
  case mistral
  /// `<|user|>` and `<|assistant|>` on lines of their own.
  case zephyr
  /// `### Instruction:` and `### Response:`.
  case alpaca
  /// `User: …` and `Assistant: …`.
  case plain

  /// What ends the assistant's turn, besides the model's own end of text.
  public var stops: [String] {
    switch self {
    case .chatML, .smolLM2, .qwen2: ["<|im_end|>"]
    case .llama2, .mistral, .zephyr: ["</s>"]
    case .llama3: ["<|eot_id|>"]
    case .alpaca: ["### Instruction:"]
    case .plain: ["\nUser:"]
    }
  }

  /// What `bos_token` and `eos_token` are in models of the family.
  var ends: (bos: String, eos: String) {
    switch self {
    case .chatML, .smolLM2: ("<|im_start|>", "<|im_end|>")
    case .qwen2: ("", "<|im_end|>")
    case .llama2, .mistral, .zephyr: ("<s>", "</s>")
    case .llama3: ("<|begin_of_text|>", "<|eot_id|>")
    case .alpaca, .plain: ("", "")
    }
  }

  /// The template in Jinja.
  public var jinja: String {
    switch self {
    case .chatML: Self.chatML(system: nil)
    case .smolLM2:
      Self.chatML(
        system: "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
    case .qwen2: Self.chatML(system: "You are a helpful assistant.")
    case .llama2: Self.bracketed(system: true)
    case .mistral: Self.bracketed(system: false)
    case .llama3:
      """
      {{- bos_token -}}
      {%- for message in messages -%}
      {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' -}}
      {{- message['content'] | trim + '<|eot_id|>' -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}
      {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
      {%- endif -%}
      """
    case .zephyr:
      """
      {%- for message in messages -%}
      {{- '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}
      """
    case .alpaca: Self.titled(user: "### Instruction:\\n", assistant: "### Response:\\n")
    case .plain: Self.titled(user: "User: ", assistant: "Assistant: ")
    }
  }

  private static func chatML(system: String?) -> String {
    let first = system.map {
      """
      {%- if loop.first and message['role'] != 'system' -%}
      {{- '<|im_start|>system\\n\($0)<|im_end|>\\n' -}}
      {%- endif -%}

      """
    }
    return """
      {%- for message in messages -%}
      \(first ?? "")\
      {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
      """
  }

  /// Llama 2's form; Mistral's is the same without system messages and with fewer spaces.
  private static func bracketed(system: Bool) -> String {
    let alternation = """
      {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
      {{- raise_exception('roles must alternate: user, assistant, user, assistant, …') -}}
      {%- endif -%}

      """
    guard system else {
      return """
        {{- bos_token -}}
        {%- for message in messages -%}
        \(alternation)\
        {%- if message['role'] == 'user' -%}
        {{- '[INST] ' + message['content'] + ' [/INST]' -}}
        {%- elif message['role'] == 'assistant' -%}
        {{- message['content'] + eos_token -}}
        {%- else -%}
        {{- raise_exception('only the roles user and assistant are known') -}}
        {%- endif -%}
        {%- endfor -%}
        """
    }
    return """
      {%- if messages and messages[0]['role'] == 'system' -%}
      {%- set turns = messages[1:] -%}
      {%- set opening = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}
      {%- else -%}
      {%- set turns = messages -%}
      {%- set opening = '' -%}
      {%- endif -%}
      {%- for message in turns -%}
      \(alternation)\
      {%- set content = opening + message['content'] if loop.first else message['content'] -%}
      {%- if message['role'] == 'user' -%}
      {{- bos_token + '[INST] ' + content | trim + ' [/INST]' -}}
      {%- elif message['role'] == 'assistant' -%}
      {{- ' ' + content | trim + ' ' + eos_token -}}
      {%- else -%}
      {{- raise_exception('only the roles system (first), user and assistant are known') -}}
      {%- endif -%}
      {%- endfor -%}
      """
  }

  /// Turns under a title each, the system message bare at the start.
  private static func titled(user: String, assistant: String) -> String {
    """
    {{- bos_token -}}
    {%- for message in messages -%}
    {%- if message['role'] == 'system' -%}
    {{- message['content'] + '\\n\\n' -}}
    {%- elif message['role'] == 'user' -%}
    {{- '\(user)' + message['content'] + '\\n\\n' -}}
    {%- elif message['role'] == 'assistant' -%}
    {{- '\(assistant)' + message['content'] + eos_token + '\\n\\n' -}}
    {%- else -%}
    {{- raise_exception('only the roles system, user and assistant are known') -}}
    {%- endif -%}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{- '\(assistant)' | trim(' ') -}}{%- endif -%}
    """
  }
}

extension ChatTemplate {
  /// The template of a family, with the tokens usual in it unless others are named.
  public init(
    _ family: ChatFamily, bosToken: String? = nil, eosToken: String? = nil
  ) throws(TemplateError) {
    try self.init(
      jinja: family.jinja, bosToken: bosToken ?? family.ends.bos,
      eosToken: eosToken ?? family.ends.eos)
  }

  /// The template of the family that is called so.
  public init(
    named name: String, bosToken: String? = nil, eosToken: String? = nil
  ) throws(TemplateError) {
    guard let family = ChatFamily(rawValue: name) else {
      throw .unknownFamily(name, known: ChatFamily.allCases.map(\.rawValue))
    }
    try self.init(family, bosToken: bosToken, eosToken: eosToken)
  }
}

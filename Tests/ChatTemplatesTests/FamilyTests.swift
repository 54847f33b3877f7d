import ChatTemplates
import Testing

/// The families known by name.
struct FamilyTests {
  static let turns: [ChatMessage] = [
    .system("Be brief."), .user("Hi"), .assistant("Hello."), .user("Who are you?"),
  ]

  @Test(arguments: [
    (
      "chatml",
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n"
    ),
    (
      "llama2",
      "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] Who are you? [/INST]"
    ),
    (
      "llama3",
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWho are you?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    (
      "zephyr",
      "<|system|>\nBe brief.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello.</s>\n<|user|>\nWho are you?</s>\n<|assistant|>\n"
    ),
    (
      "alpaca",
      "Be brief.\n\n### Instruction:\nHi\n\n### Response:\nHello.\n\n### Instruction:\nWho are you?\n\n### Response:\n"
    ),
    ("plain", "Be brief.\n\nUser: Hi\n\nAssistant: Hello.\n\nUser: Who are you?\n\nAssistant:"),
  ])
  func `each family writes its own form`(name: String, expected: String) throws {
    #expect(try ChatTemplate(named: name).render(Self.turns) == expected)
  }

  @Test func `SmolLM2 and Qwen2 say who they are where nobody else does`() throws {
    let text = try ChatTemplate(.qwen2).render([.user("Hi")], addGenerationPrompt: false)
    #expect(
      text
        == "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    )
  }

  @Test func `Mistral takes no system message and no turn out of order`() throws {
    let template = try ChatTemplate(.mistral)
    #expect(
      try template.render([.user("Hi"), .assistant("Hello."), .user("Who?")])
        == "<s>[INST] Hi [/INST]Hello.</s>[INST] Who? [/INST]")
    #expect(throws: TemplateError.self) { try template.render(Self.turns) }
    #expect(throws: TemplateError.self) { try template.render([.user("a"), .user("b")]) }
  }

  @Test func `an unknown family is refused with those known`() {
    #expect(
      throws: TemplateError.unknownFamily(
        "chatlm",
        known: [
          "chatml", "smollm2", "qwen2", "llama2", "llama3", "mistral", "zephyr", "alpaca", "plain",
        ])
    ) { try ChatTemplate(named: "chatlm") }
  }
}

import Bytes
import ChatTemplates
import Formats
import TestKit
import Testing

/// Templates in Jinja.
struct TemplateTests {
  static func render(
    _ source: String, _ messages: [ChatMessage] = [.user("Hi")], _ variables: [JSONMember] = []
  ) throws -> String {
    try ChatTemplate(jinja: source, bosToken: "<s>", eosToken: "</s>")
      .render(messages, variables: variables)
  }

  /// `Tests/Peers/chat_templates.py --fixture` made the cases.
  @Test func `prompts are those of transformers`() throws {
    let path = Places.root + "/Tests/Fixtures/chat-templates/cases.json"
    let root = try JSONNode(parsing: Files.read(path))
    let cases = try #require(root["cases"]?.elements)
    #expect(cases.count == 240)
    for node in cases {
      let source = try #require(root["templates"]?[node["template"]?.text ?? ""]?.text)
      let template = try ChatTemplate(jinja: source, config: root["tokens"] ?? .null)
      let messages = (node["messages"]?.elements ?? []).map {
        ChatMessage(members: $0.members ?? [])
      }
      let prompt = try? template.render(
        messages, addGenerationPrompt: node["add_generation_prompt"]?.bool ?? true,
        variables: node["variables"]?.members ?? [])
      // Null stands for a conversation that the template refuses.
      #expect(prompt == node["prompt"]?.text, "\(node["template"]?.text ?? "") \(messages)")
    }
  }

  @Test(arguments: [
    ("{{ 1 }}\n{% include 'x' %}", "the tag {% include %}", 2),
    ("{% raw %}a{% endraw %}", "the tag {% raw %}", 1),
    ("{{ 'a' | e }}", "the filter | e", 1),
    ("{{ 'a' is sameas 'a' }}", "the test is sameas with arguments", 1),
    ("\n\n{{ 'a'.swapcase() }}", "the method .swapcase() with these arguments", 3),
    ("{{ [1].append(2) }}", "the method .append() of list", 1),
    ("{{ messages[0].items }}", "the method .items without a call", 1),
    ("{% for x in [] recursive %}{% endfor %}", "a recursive loop", 1),
    ("{{ 2 ** 3 }}", "the power **", 1),
    (
      "{% for i in [1] %}\n{% macro g() %}{{ i }}{% endmacro %}{% endfor %}",
      "macro g inside of a loop or macro", 2
    ),
    (#"{{ 'a\r\nb\rc'.splitlines() }}"#, "the method .splitlines() with these arguments", 1),
    ("{{ f(*x) }}", "unpacked arguments", 1),
    (
      "{{ loop.cycle('a') if false }}{% for x in 'ab' %}{{ loop.changed }}{% endfor %}",
      "loop.changed", 1
    ),
  ])
  func `what is not known is named with its line`(source: String, construct: String, line: Int) {
    #expect(throws: TemplateError.unsupported(construct: construct, line: line)) {
      try Self.render(source)
    }
  }

  @Test func `a template may refuse a conversation in its own words`() {
    #expect(throws: TemplateError.raised(message: "no, not user", line: 2)) {
      try Self.render("\n{{ raise_exception('no, not ' + messages[0].role) }}")
    }
  }

  @Test(arguments: [
    "{{ nothing.name }}", "{{ nothing() }}", "{{ 'a' + 1 }}", "{{ 1 < 'a' }}", "{{ 1 / 0 }}",
    "{{ 'a' in 3 }}", "{% for x in 3 %}{% endfor %}", "{{ strftime_now('%Y') }}",
    "{{ loop }}{{ namespace() }}",
    "{% set a.b = 1 %}", "{% for a, b in [1] %}{% endfor %}", "{{ nothing | tojson }}",
    "{{ 9223372036854775807 + 1 }}", "{{ range(10000000)|list }}", "{{ 'x' * 10000000 }}",
    "{{ 'ab' * 9223372036854775807 }}",
  ])
  func `what cannot be computed gives no prompt`(source: String) {
    #expect(throws: TemplateError.self) { try Self.render(source) }
  }

  @Test(arguments: [
    "{{", "{{ }}", "{{ 'a }}", "{% if %}", "{% if true %}", "{% endif %}", "{% for %}", "{{ a b }}",
    "{{ (1 }}", "{{ a[ }}", "{# x", "{{ 1 | }}", "{% set %}", "{% break %}", "{{ 'a\\u12' }}",
    "}}{% x",
    "{{ {1: } }}", "{{ a.b. }}", "{% macro f(a=1, b) %}{% endmacro %}",
  ])
  func `what is no Jinja is refused`(source: String) {
    #expect(throws: TemplateError.self) { try ChatTemplate(jinja: source) }
  }

  @Test func `no template takes the stack or for ever`() {
    let deep = String(repeating: "(", count: 50_000) + "1" + String(repeating: ")", count: 50_000)
    #expect(throws: TemplateError.self) { try Self.render("{{ \(deep) }}") }
    let nots = String(repeating: "not ", count: 50_000)
    #expect(throws: TemplateError.self) { try Self.render("{{ \(nots)1 }}") }
    let ifs = String(repeating: "{% if true %}", count: 5_000)
    #expect(throws: TemplateError.self) { try Self.render(ifs) }
    let loops =
      String(repeating: "{% for a in range(100000) %}", count: 4)
      + String(repeating: "{% endfor %}", count: 4)
    #expect(throws: TemplateError.self) { try Self.render(loops) }
    let call = "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"
    #expect(throws: TemplateError.self) { try Self.render(call) }
    let chain = "{{ 1" + String(repeating: " + 1", count: 100_000) + " }}"
    #expect(throws: TemplateError.self) { try Self.render(chain) }
  }

  @Test(arguments: [
    // Lists in each other, and texts and lists that double.
    "{% set n = namespace(l=[]) %}{% for i in range(100000) %}{% set n.l = [n.l] %}{% endfor %}",
    "{% set n = namespace(l=[]) %}{% for i in range(40) %}{% set n.l = [n.l, n.l] %}{% endfor %}",
    "{% set n = namespace(l=[1]) %}{% for i in range(40) %}{% set n.l = n.l + n.l %}{% endfor %}",
    "{% set n = namespace(t='a') %}{% for i in range(40) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
    "{% set n = namespace(t='a') %}{% for i in range(9) %}"
      + "{% set n.t = n.t.replace('a', 'a' * 99) %}{% endfor %}",
    "{% set n = namespace(t='a') %}{% for i in range(9) %}"
      + "{% set n.t = range(999)|join(n.t) %}{% endfor %}",
    "{% set n = namespace(l=[]) %}{% for i in range(999) %}"
      + "{% set n.l = n.l + ['a' * 1000000] %}{% endfor %}",
    "{% for i in range(999) %}{% set x %}{{ 'a' * 1000000 }}{% endset %}{% endfor %}",
    "{% set n = namespace() %}{% set n.me = n %}", "{% set l = [namespace()] %}",
  ])
  func `no template takes the memory`(source: String) {
    #expect(throws: TemplateError.self) { try Self.render(source) }
  }

  @Test func `a message has the fields it was given, in their order, and no others`() throws {
    let node = try JSONNode(
      parsing: Array(#"{"name":"f","tool_calls":[1],"role":"assistant"}"#.utf8))
    var message = ChatMessage(members: node.members ?? [])
    func shown() throws -> String {
      try Self.render("{{ 'content' in messages[0] }} {{ messages[0]|tojson }}", [message])
    }
    #expect(try shown() == #"False {"name": "f", "tool_calls": [1], "role": "assistant"}"#)
    #expect(message.role == "assistant" && message.content.isEmpty)
    message.content = "x"
    message.fields = [JSONMember("role", .string("tool")), JSONMember("id", .int(1))]
    #expect(try shown() == #"True {"role": "tool", "content": "x", "id": 1}"#)
    #expect(message == ChatMessage(role: "tool", content: "x", fields: [JSONMember("id", .int(1))]))
    // A field called so takes the place of the text.
    message = ChatMessage(role: "user", content: "", fields: [JSONMember("content", .null)])
    #expect(try shown() == #"True {"role": "user", "content": null}"#)
  }

  @Test func `whole numbers keep their digits, however many`() throws {
    let node = try JSONNode(parsing: Array(#"[12345678901234567890,-9223372036854775809]"#.utf8))
    func shown(_ source: String) throws -> String {
      try Self.render(source, [], [JSONMember("n", node)])
    }
    #expect(
      try shown("{{ n }} {{ n|tojson }}").hasPrefix("[12345678901234567890, -92233720368547758"))
    #expect(try shown("{{ n[0] is integer }} {{ n[0]|int }}") == "True 12345678901234567890")
    #expect(try shown("{{ n[1]|abs }} {{ n[0] == n[1] }}") == "9223372036854775809 False")
    #expect(throws: TemplateError.self) { try shown("{{ n[0] + 1 }}") }
  }

  @Test(arguments: [
    ("2.5 // 1", "2.0"), ("-2.5 // 1", "-3.0"), ("7 // 2.0", "3.0"), ("1.0 // 0.1", "9.0"),
    ("2.5 % 1", "0.5"), ("-2.5 % 1", "0.5"), ("2.5 % -1", "-0.5"), ("5.0 % -5", "-0.0"),
    ("1.0 % 0.1", "0.09999999999999995"), ("-0.5 // 1e300", "-1.0"),
  ])
  func `numbers with fractions are divided as Python does it`(source: String, value: String) throws
  {
    #expect(try Self.render("{{ \(source) }}") == value)
  }

  @Test func `a template that wants today's date is told why there is none`() throws {
    let error = TemplateError.wantsDate(line: 2)
    #expect(throws: error) { try Self.render("\n{{ strftime_now('%d %B %Y') }}") }
    #expect("\(error)".contains("the same messages give the same prompt"))
    let asks = "{{ strftime_now('%Y') if strftime_now is defined else '2024' }}"
    #expect(try Self.render(asks) == "2024")
  }

  @Test func `words begin where Jinja's filter and Python's method have it`() throws {
    let text = "\"they're BILL's (own) x-ray\""
    #expect(try Self.render("{{ \(text)|title }}") == "They're Bill's (Own) X-Ray")
    #expect(try Self.render("{{ \"they're BILL's\".title() }}") == "They'Re Bill'S")
  }

  @Test func `a sigma at the end of a word is small as Python has it`() throws {
    let text = "'ΟΔΟΣ a\\'Σ ΣΑΣ ΑΣ-Σ'"
    #expect(try Self.render("{{ \(text)|lower }}") == "οδος a'ς σας ας-σ")
    #expect(try Self.render("{{ \(text)|capitalize }}") == "Οδος a'ς σας ας-σ")
    #expect(try Self.render("{{ \(text)|title }}") == "Οδος A'σ Σας Ασ-Σ")
    #expect(try Self.render("{{ \(text).title() }}") == "Οδος A'Σ Σας Ας-Σ")
  }

  @Test func `what Python does not show in quotes is written as its number`() throws {
    let text = "a\u{2028}\u{a0}\u{200b}\u{e0001}\u{85}é\u{7f}"
    #expect(
      try Self.render("{{ {1: '\(text)'} }}")
        == #"{1: 'a\u2028\xa0\u200b\U000e0001\x85é\x7f'}"#)
  }

  @Test func `texts are told apart by their characters, not their looks`() throws {
    // é in one character and in two.
    #expect(try Self.render("{{ '\u{e9}' == 'e\u{301}' }}") == "False")
    #expect(try Self.render("{{ 'e\u{301}'|length }}") == "2")
    #expect(try Self.render("{{ 'e\u{301}x'.replace('e', 'a') }}") == "a\u{301}x")
  }

  @Test func `a folder's template is found, its own file before the config`() throws {
    let files = [
      "tokenizer_config.json":
        #"{"bos_token": {"content": "<b>"}, "chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "{{ bos_token }}d"}]}"#,
      "chat_template.jinja": "{{ bos_token }}own\n",
    ]
    func found(_ names: String...) throws -> String? {
      try ChatTemplate.find(paths: names) { MappedFile(copying: Array((files[$0] ?? "").utf8)) }?
        .render([])
    }
    #expect(try found("tokenizer_config.json") == "<b>d")
    #expect(try found("tokenizer_config.json", "chat_template.jinja") == "<b>own")
    #expect(try found("config.json") == nil)
    let gguf = GGUFLayout(
      metadata: [
        ("tokenizer.ggml.tokens", .strings(["a", "<g>"])),
        ("tokenizer.ggml.bos_token_id", .uint32(1)),
        ("tokenizer.chat_template", .string("{{ bos_token }}g")),
      ], tensors: []
    ).header
    let config = #"{"bos_token": "<b>"}"#
    func model(_ names: String...) throws -> String? {
      try ChatTemplate.find(paths: names) {
        MappedFile(copying: $0 == "tokenizer_config.json" ? Array(config.utf8) : gguf)
      }?.render([])
    }
    #expect(try model("model.gguf") == "<g>g" && model("") == "<g>g")
    #expect(try model("model.gguf", "tokenizer_config.json") == "<b>g")
  }
}

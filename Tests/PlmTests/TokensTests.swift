import Bytes
import TestKit
import Testing

/// `plm tokens` as a user runs it.
struct TokensTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    // A vocabulary of the bytes alone, spelled in GPT-2's alphabet.
    var letters: [String] = []
    var others: UInt32 = 256
    for byte: UInt32 in 0..<256 {
      let isShown = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
      if !isShown { others += 1 }
      letters.append(String(Unicode.Scalar(isShown ? byte : others - 1) ?? "?"))
    }
    var vocabulary: [String: JSON] = [:]
    for (byte, letter) in letters.enumerated() { vocabulary[letter] = .int(byte) }
    let tokenizer: JSON = [
      "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
    ]
    try Files.write(tokenizer.bytes, to: folder("tokenizer.json"))
    try Files.write(
      "{{ messages[0]|tojson }}{{ 'content' in messages[0] }}", to: folder("chat_template.jinja"))
  }

  private func tokens(_ arguments: [String], _ input: String) throws -> ProgramResult {
    let plm = try #require(Places.executable("plm"))
    return try Program.run(plm, ["tokens", "--base", folder.path] + arguments, input: input)
  }

  @Test func `ids become text, whatever stands between them`() throws {
    for input in ["72 105\n", "[72,105]", "[72, 105]\n"] {
      #expect(try tokens(["--decode"], input).output == "Hi")
    }
  }

  @Test(arguments: [
    (["--decode"], "1 2 999999", "no id 999999: the vocabulary has 0 to 255"),
    (["--decode"], "1 x", "x is no id"), (["--decode"], "1 -2", "no id -2"),
    (["--decode"], "99999999999999999999", "is no id"),
    (["--lines"], "\"a\"\nb\n", "a line"), (["--lines"], "12\n", "a line is no JSON string: 12"),
    (["--chat"], "[{", "the conversation"), (["--chat"], "[{\"content\":\"x\"}]", "no role"),
  ])
  func `input that is wrong is a mistake of the caller`(
    arguments: [String], input: String, words: String
  ) throws {
    let result = try tokens(arguments, input)
    #expect(result.exitCode == 2, "\(result.errors)")
    #expect(result.errors.contains(words), "\(result.errors)")
  }

  @Test func `a template sees a message as it was given`() throws {
    let input = #"[{"id":12345678901234567890,"role":"user"}]"#
    #expect(
      try tokens(["--chat", "--text"], input).output
        == #"{"id": 12345678901234567890, "role": "user"}False"#)
  }
}

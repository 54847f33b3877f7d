import Formats
import Testing

/// JSON that keeps the order of its members.
struct JSONNodeTests {
  @Test(arguments: [
    #"{"b":1,"a":[true,false,null,-2.5,"x\"\\\n"]}"#, "[]", "{}", #""\u0001""#, "-0.001", "12",
    "12345678901234567890", "-9223372036854775809", "9223372036854775807",
  ])
  func `what is written again is the same`(text: String) throws {
    let node = try JSONNode(parsing: Array(text.utf8))
    #expect(String(decoding: node.bytes(sorted: false), as: UTF8.self) == text)
    #expect(try JSONNode(parsing: node.indentedBytes(sorted: false)) == node)
  }

  @Test func `escapes are read`() throws {
    let node = try JSONNode(parsing: Array(#""\u00e9\ud83d\ude42\/\ud800x\t""#.utf8))
    #expect(node.text == "é🙂/\u{fffd}x\t")
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\"}", "tru", "\"", "\"\\u12\"", "1 2", "nan", "+1", "\"\u{1}\"", "{1:2}",
    String(repeating: "[", count: 200_000),
  ])
  func `what is no JSON is refused`(text: String) {
    #expect(throws: FormatError.self) { try JSONNode(parsing: Array(text.utf8)) }
  }
}

import Bytes
import Testing

@Suite struct JSONTests {
  @Test(arguments: [
    ("null", "null"), (" [1, 2.50,-3e2 ,true] ", "[1,2.5,-300,true]"), ("{}", "{}"), ("[]", "[]"),
    (#"{"b":1,"a":{"é":"\u00e9\ud83d\ude00\/"}}"#, #"{"a":{"é":"é😀/"},"b":1}"#),
    ("1e-7", "1e-07"), ("9007199254740993", "9007199254740993"), ("-0", "-0.0"),
    ("\"\\u0001\\b\\n\"", "\"\\u0001\\b\\n\""), ("12345678901234567890", "1.2345678901234567e+19"),
    (#""\ud800x""#, "\"\u{fffd}x\""),
  ])
  func `A text is read, and written in its one form`(text: String, canonical: String) throws {
    let value = try JSON(parsing: text)
    #expect(value.text == canonical)
    #expect(try JSON(parsing: value.text).text == canonical)
  }

  @Test(arguments: [
    "", "nul", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", ".5", "+1", "\"a", "\"\n\"", "\"\\x\"",
    "1 2", "[1",
    "\"\\u12\"", "NaN", "--1", "{\"a\":1,}", "1e", "1e999",
  ])
  func `What is not JSON is refused`(text: String) {
    #expect(throws: JSONError.self) { try JSON(parsing: text) }
  }

  @Test func `Nesting without end is refused`() {
    #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 100_000)) }
  }

  @Test func `Broken UTF-8 is refused`() {
    #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xff, 0x22]) }
  }
}

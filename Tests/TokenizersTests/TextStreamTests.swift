import Testing
import Tokenizers

/// Text that arrives byte by byte.
struct TextStreamTests {
  @Test(arguments: ["plain", "naïve", "日本語", "🙂🙂", "a🙂b"])
  func `no half characters are shown`(text: String) {
    var stream = TextStream()
    var shown = ""
    for byte in text.utf8 {
      let part = stream.append([byte])
      #expect(!part.contains("\u{fffd}"))
      shown += part
    }
    #expect(shown + stream.finish() == text)
  }

  @Test func `what never becomes a character is shown at the end`() {
    var stream = TextStream()
    #expect(stream.append([0x61, 0xe2, 0x82]) == "a")
    #expect(stream.finish() == "\u{fffd}")
  }
}

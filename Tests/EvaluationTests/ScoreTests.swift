import Bytes
import Evaluation
import Testing

@Suite struct ScoreTests {
  @Test func `a score is a mean over tokens, and bits over bytes`() throws {
    let score = Score(nats: 6, tokens: 3, bytes: 8) + Score(nats: 2, tokens: 1, bytes: 0)
    #expect(score.loss == 2)
    // 8 nats are 8 / ln 2 bits.
    #expect(try abs(#require(score.bitsPerByte) - 1.4426950408889634) < 1e-12)
    // Where bytes are not known there is no best of all scores, but none.
    #expect(Score().loss == 0 && Score().bitsPerByte == nil)
    #expect(Score(nats: 1, tokens: 1).json["bits_per_byte"] == .null)
    #expect(score.json["tokens"]?.intValue == 4)
  }

  @Test func `the table marks the best of each column, and counts the users served by their own`() {
    var table = LossTable(users: ["ann", "bob"])
    table.base = [5, 5.0005]
    table.losses = [[3, 4], [2.5, 3.25]]
    #expect(table.best(column: 0) == 1 && table.best(column: 1) == 1)
    #expect(table.ownBest == 1)
    #expect(table.markdown.contains("| (base) | 5.000 | 5.001 |"), "\(table.markdown)")
    #expect(table.markdown.contains("| 2 bob | **2.500** | **3.250** |"), "\(table.markdown)")
    #expect(table.markdown.contains("1 of 2"))
    #expect(table.json["own_best"]?.intValue == 1)
  }

  @Test func `an adapter that gives no number costs the table its own row alone`() {
    var table = LossTable(users: ["ann", "bob"])
    table.losses = [[.nan, .nan], [.infinity, 3]]
    #expect(table.best(column: 1) == 1)
    #expect(table.markdown.contains("| 1 ann | **–** | – |"), "\(table.markdown)")
  }
}

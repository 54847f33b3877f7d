import Bytes
import Evaluation
import Testing

@Suite struct ScoreTests {
  @Test func `a score is a mean over tokens, and bits over bytes`() {
    let score = Score(nats: 6, tokens: 3, bytes: 8) + Score(nats: 2, tokens: 1, bytes: 0)
    #expect(score.loss == 2)
    // 8 nats are 8 / ln 2 bits.
    #expect(abs(score.bitsPerByte - 1.4426950408889634) < 1e-12)
    #expect(Score().loss == 0 && Score().bitsPerByte == 0)
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
}

import Bytes
import Evaluation
import Testing

@Suite struct RougeTests {
  /// Figures of the package rouge_score 0.1.2, without stemming.
  @Test(arguments: [
    ("The cat sat on the mat.", "the cat was on a mat", 0.6666666666666666, 0.6666666666666666),
    ("mat the on sat cat", "the cat sat on the mat", 0.9090909090909091, 0.36363636363636365),
    ("Learning-to-rank: a survey (2020)", "A Survey of Learning to Rank", 0.8333333333333334, 0.5),
    ("Über naïve Bayes", "naive Bayes revisited", 0.2857142857142857, 0.2857142857142857),
    ("", "anything", 0, 0),
    ("nothing shared", "at all here", 0, 0),
  ])
  func `equals rouge_score`(text: String, reference: String, one: Double, longest: Double) {
    let rouge = Rouge(of: text, reference: reference)
    #expect(abs(rouge.one - one) < 1e-12, "\(rouge.one)")
    #expect(abs(rouge.longest - longest) < 1e-12, "\(rouge.longest)")
  }
}

@Suite struct SummaryTests {
  private func metrics(_ user: String, _ arms: [String: Double]) -> (user: String, json: JSON) {
    (user, .object(["arms": .object(arms.mapValues { .object(["loss": .double($0)]) })]))
  }

  @Test func `the interval holds the mean, narrows with more users, and follows from the seed`() {
    let few = PairedBootstrap([-0.5, 0.1, -0.2, -0.3], seed: 1)
    #expect(abs(few.mean - -0.225) < 1e-12)
    #expect(few.low < few.mean && few.mean < few.high)
    #expect(few.low >= -0.5 && few.high <= 0.1)
    let many = PairedBootstrap((0..<64).map { [-0.5, 0.1, -0.2, -0.3][$0 % 4] }, seed: 1)
    #expect(many.high - many.low < (few.high - few.low) / 2)
    #expect(few == PairedBootstrap([-0.5, 0.1, -0.2, -0.3], seed: 1))
    let alike = PairedBootstrap([0.25, 0.25], seed: 1)
    #expect(alike.low == 0.25 && alike.high == 0.25)
    #expect(PairedBootstrap([0.5], seed: 1).high == 0.5)
  }

  @Test func `arms are compared user by user, over those that have both`() throws {
    let summary = MetricsSummary(
      [
        metrics("ann", ["base": 5, "personal": 4]), metrics("bob", ["base": 3, "personal": 3.5]),
        metrics("cid", ["base": 10]),
      ], seed: 1)
    #expect(summary.arms == ["base", "personal"])
    #expect(summary.mean("base", "loss") == 6)
    #expect(summary.mean("personal", "loss") == 3.75)
    let difference = try #require(summary.difference("personal", from: "base", "loss"))
    #expect(difference.bootstrap.mean == -0.25)
    #expect(difference.better == 1 && difference.users == 2)
    #expect(summary.difference("personal", from: "base", "rouge_1") == nil)
    let table = summary.markdown(against: ["base"])
    #expect(table.contains("| base | 6.0000 |  | "))
    #expect(table.contains("| personal | 3.7500 | −0.2500 ["))
    #expect(table.contains("1 of 2"))
    #expect(!table.contains("rouge"))
    let json = summary.json(against: ["base"])
    #expect(
      json["arms"]?["personal"]?["loss"]?["against base"]?["mean"]?.doubleValue == -0.25)
  }
}

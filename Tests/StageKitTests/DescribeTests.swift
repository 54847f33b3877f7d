import Bytes
import Testing

@testable import StageKit

@Suite struct DescribeTests {
  @Test func `The description is known to the byte`() async throws {
    let console = try Console()
    let result = try await console.run(Count.self, ["--describe"], store: false)
    #expect(result.exitCode == 0)
    #expect(
      result.answers == [
        #"{"inputs":[{"help":"What is counted.","kind":"text","name":"text","optional":false},"#
          + #"{"help":"Is counted too.","kind":"text","name":"extra","optional":true}],"#
          + #""name":"count","outputs":["#
          + #"{"help":"The number of lines.","kind":"text","name":"count","optional":false},"#
          + #"{"help":"The lines themselves.","kind":"lines","name":"lines","optional":true}],"#
          + #""parameters":[{"default":1,"execution":false,"help":"Shortest line.","#
          + #""maximum":1000000,"minimum":0,"name":"least","type":"int"},"#
          + #"{"default":0.25,"execution":false,"help":"Is written down.","#
          + #""maximum":1,"minimum":0,"name":"share","type":"double"},"#
          + #"{"choices":["plain","fancy"],"default":"plain","execution":false,"help":"How.","#
          + #""name":"style","type":"string"},"#
          + #"{"default":"","execution":false,"help":"Is written down.","name":"title","#
          + #""type":"string"},"#
          + #"{"default":false,"execution":false,"help":"Fails on an empty text.","#
          + #""name":"strict","type":"bool"},"#
          + #"{"default":0,"execution":true,"help":"0 = all cores.","maximum":64,"minimum":0,"#
          + #""name":"threads","type":"int"}],"#
          + #""resources":{"cores":2,"memory":1073741824},"secrets":["COUNT_KEY"],"#
          + #""summary":"Counts the lines of a text.","version":3}"#
      ])
  }

  @Test func `Help names every input, output and parameter`() async throws {
    let result = try await Console().run(Count.self, ["--help"], store: false)
    let help = result.answers.joined()
    for word in [
      "text", "extra", "count", "lines", "least=1", "0 to 1000000", "plain, fancy", "COUNT_KEY",
    ] {
      #expect(help.contains(word), "\(word)")
    }
  }

  enum Careless: Stage {
    static let name = "Care less"
    static let version = 0
    static let summary = ""
    static let inputs = [Input("a", kind: "x"), Input("a", kind: "y")]
    static let outputs: [Output] = []
    static let parameters: [any ParameterDeclaration] = [
      Parameter("rank", default: 0, in: 1...8, help: ""),
      Parameter("rank", default: "c", oneOf: ["a", "b"], help: ""),
    ]
    static func run(_: StageContext) async throws {}
  }

  @Test func `Mistakes in a declaration are found before anything runs`() async throws {
    let result = try await Console().run(Careless.self, [])
    #expect(result.exitCode == 1)
    for words in [
      "stage \"Care less\"", "input a is declared twice", "parameter rank is declared twice",
      "version", "no output", "rank=0", "rank=c",
    ] { #expect(result.log.contains(words), "\(words)") }
    #expect(Count.mistakes == [])
  }
}

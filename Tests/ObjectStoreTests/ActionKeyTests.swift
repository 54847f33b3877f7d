import Bytes
import ObjectStore
import Testing

@Suite struct ActionKeyTests {
  let inputs = ["tokens": Digest(of: ""), "base": Digest(of: "alpha")]

  @Test func `The key is the hash of one text, known to the byte`() {
    let parameters: [String: JSON] = [
      "shuffle": true, "rank": 8, "method": "lora", "learning_rate": 0.001,
    ]
    let text = ActionKey.text(stage: "train", version: 1, parameters: parameters, inputs: inputs)
    #expect(
      text == #"{"inputs":{"base":"#
        + #""sha256:8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8","#
        + #""tokens":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"#
        + #""parameters":{"learning_rate":0.001,"method":"lora","rank":8,"shuffle":true},"#
        + #""stage":"train","version":1}"#)
    let key = ActionKey.digest(stage: "train", version: 1, parameters: parameters, inputs: inputs)
    #expect(key.hex == "699a105b1c248ad08da7b81326f86fd4e86e61d3c54d96027b7481b8717701a5")
  }

  @Test(arguments: [
    (ParameterType.int, JSON.int(8), "8"), (.int, 8.0, "8"), (.int, "8", "8"), (.int, "8.0", "8"),
    (.int, "-3", "-3"), (.double, 8, "8"), (.double, "1e-3", "0.001"), (.double, "0.1", "0.1"),
    (.double, "-0", "0"), (.double, "1e300", "1e+300"),
    (.double, "0.30000000000000004", "0.30000000000000004"),
    (.bool, "true", "true"), (.bool, false, "false"), (.string, 8, "\"8\""),
    (.string, "a\"b\n", #""a\"b\n""#),
  ])
  func `A value has one canonical form, however it was written`(
    type: ParameterType, value: JSON, text: String
  ) {
    #expect(type.canonical(value)?.text == text)
  }

  @Test(arguments: [
    (ParameterType.int, JSON.string("eight")), (.int, 8.5), (.int, true), (.double, "nan"),
    (.double, "inf"), (.double, "0x1p3"), (.bool, 1), (.bool, "yes"), (.string, .null), (.int, ""),
  ])
  func `What is not of the type is refused`(type: ParameterType, value: JSON) {
    #expect(type.canonical(value) == nil)
  }

  @Test func `Every part of an action changes its key`() {
    func key(
      _ stage: String = "a", _ version: Int = 1, _ parameters: [String: JSON] = ["x": 1],
      _ inputs: [String: Digest] = ["i": Digest(of: "1")]
    ) -> Digest {
      ActionKey.digest(stage: stage, version: version, parameters: parameters, inputs: inputs)
    }
    let keys = [
      key(), key("b"), key("a", 2), key("a", 1, ["x": 2]), key("a", 1, ["x": "1"]),
      key("a", 1, ["y": 1]), key("a", 1, ["x": 1], [:]),
      key("a", 1, ["x": 1], ["i": Digest(of: "2")]), key("a", 1, ["x": 1], ["j": Digest(of: "1")]),
    ]
    #expect(Set(keys).count == keys.count)
  }
}

public import Bytes

/// Names one run of a stage by all that its outputs may depend on.
///
/// The form is written down to the byte in the layout page.
public enum ActionKey {
  /// Returns the key.
  /// - Parameters:
  ///   - parameters: complete and canonical (`ParameterType.canonical`), without execution ones.
  ///   - inputs: those that are there.
  public static func digest(
    stage: String, version: Int, parameters: [String: JSON], inputs: [String: Digest]
  ) -> Digest {
    Digest(
      of: text(stage: stage, version: version, parameters: parameters, inputs: inputs).utf8)
  }

  /// The text that is hashed.
  public static func text(
    stage: String, version: Int, parameters: [String: JSON], inputs: [String: Digest]
  ) -> String {
    let key: JSON = [
      "inputs": .object(inputs.mapValues { .string($0.description) }),
      "parameters": .object(parameters),
      "stage": .string(stage),
      "version": .int(version),
    ]
    return key.text
  }
}

/// Names the ways a model's matrices are stored in a GGUF file, by the names and numbers of
/// llama.cpp's file types.
///
/// A file type mixes tensor types: the output matrix gets more bits, and so do, in the M mixes, some
/// layers' value and down projections, by the rules of llama.cpp's quantiser.
public enum GGUFFileType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4 = 2
  case q8 = 7
  case q4KM = 15
  case q5KM = 17
  case q6K = 18
  case bf16 = 32

  /// The name people know it by.
  public var name: String {
    switch self {
    case .f32: "F32"
    case .f16: "F16"
    case .q4: "Q4_0"
    case .q8: "Q8_0"
    case .q4KM: "Q4_K_M"
    case .q5KM: "Q5_K_M"
    case .q6K: "Q6_K"
    case .bf16: "BF16"
    }
  }

  public init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// The type of a matrix that no rule singles out.
  var main: GGUFTensorType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .q4: .q4
    case .q8: .q8
    case .q4KM: .q4K
    case .q5KM: .q5K
    case .q6K: .q6K
    case .bf16: .bf16
    }
  }

  /// Whether scales are searched, so that an importance of the columns counts.
  public var searches: Bool { main.blockCount > 1 && self != .q8 }

  /// The type of a matrix, and whether it is another than wanted because its rows are no whole
  /// blocks.
  /// - Parameters:
  ///   - name: its Hugging Face name.
  ///   - hasImportance: whether it is rounded by the importance of its columns.
  func tensorType(
    of name: String, columns: Int, in config: ModelConfig, hasImportance: Bool
  ) -> (type: GGUFTensorType, fellBack: Bool) {
    let wanted = wanted(name, columns, config, hasImportance)
    if columns.isMultiple(of: wanted.blockCount) { return (wanted, false) }
    let smaller: GGUFTensorType =
      switch wanted {
      case .q4K: .q50
      case .q5K: .q51
      case .q6K: .q8
      default: .f16
      }
    return (columns.isMultiple(of: smaller.blockCount) ? smaller : .f16, true)
  }

  private func wanted(
    _ name: String, _ columns: Int, _ config: ModelConfig, _ hasImportance: Bool
  ) -> GGUFTensorType {
    guard main.blockCount > 1, self != .q8 else { return main }
    if name == (config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight") {
      return columns.isMultiple(of: main.blockCount) ? .q6K : .q8
    }
    guard let layer = GGUFNames.layer(of: name) else { return main }
    let count = config.layerCount
    // The first and the last eighth of the layers, and every third between.
    let moreBits =
      layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2
    let isDown = name.hasSuffix("down_proj.weight")
    if self == .q4KM || self == .q5KM {
      return moreBits && (isDown || name.hasSuffix("v_proj.weight")) ? .q6K : main
    }
    // Q4_0 has no offset, which a few of the first down projections cannot do without.
    return self == .q4 && hasImportance && isDown && layer < count / 8 ? .q41 : main
  }
}

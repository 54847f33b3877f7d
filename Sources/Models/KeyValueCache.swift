import Formats
import Kernels

/// Stores the keys and values of one sequence, per layer, for the tokens seen so far.
final class KeyValueCache {
  private let width: Int
  private let capacity: Int
  private let keys: [FloatBuffer]
  private let values: [FloatBuffer]
  /// Tokens seen.
  var length = 0

  init(config: ModelConfig, capacity: Int) {
    width = config.keyValueHeadCount * config.headSize
    self.capacity = capacity
    keys = (0..<config.layerCount).map { [width] _ in FloatBuffer(count: capacity * width) }
    values = (0..<config.layerCount).map { [width] _ in FloatBuffer(count: capacity * width) }
  }

  func keys(_ layer: Int) -> Floats { Floats(keys[layer].pointer) }
  func values(_ layer: Int) -> Floats { Floats(values[layer].pointer) }

  /// Writes `rows` rows of a layer behind those already there; `length` moves when all layers have.
  func append(layer: Int, keys newKeys: Floats, values newValues: Floats, rows: Int) {
    precondition(length + rows <= capacity, "cache is full")
    (keys[layer].pointer + length * width).update(from: newKeys, count: rows * width)
    (values[layer].pointer + length * width).update(from: newValues, count: rows * width)
  }
}

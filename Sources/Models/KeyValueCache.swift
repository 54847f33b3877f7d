import Formats
import Kernels

/// Stores the keys and values of one sequence, f32, per layer, for the tokens seen so far.
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

  /// Writes rows of a layer behind those already there; `length` moves when all layers have.
  func append(
    layer: Int, keys newKeys: NumberBuffer, values newValues: NumberBuffer,
    rows: Range<Int>
  ) {
    precondition(length + rows.count <= capacity, "cache is full")
    for (target, source) in [(keys[layer], newKeys), (values[layer], newValues)] {
      Kernels.widen(
        source.pointer(at: rows.lowerBound * width), type: source.type,
        into: target.pointer + length * width, count: rows.count * width)
    }
  }

  /// Writes the row of one more token.
  func append(layer: Int, key: Floats, value: Floats) {
    precondition(length < capacity, "cache is full")
    (keys[layer].pointer + length * width).update(from: key, count: width)
    (values[layer].pointer + length * width).update(from: value, count: width)
  }
}

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

  /// Bytes that a cache of so many tokens takes.
  static func bytes(config: ModelConfig, capacity: Int) -> Int {
    2 * config.layerCount * capacity * config.keyValueHeadCount * config.headSize
      * MemoryLayout<Float>.stride
  }

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

  /// Writes f32 rows behind those already there.
  func append(layer: Int, keys newKeys: Floats, values newValues: Floats, rows: Int) {
    precondition(length + rows <= capacity, "cache is full")
    (keys[layer].pointer + length * width).update(from: newKeys, count: rows * width)
    (values[layer].pointer + length * width).update(from: newValues, count: rows * width)
  }

  /// Takes over the first rows of another cache of the same model; this one must be empty.
  func copy(first rows: Int, of other: KeyValueCache) {
    precondition(length == 0 && rows <= other.length && rows <= capacity, "no room for a prefix")
    for layer in keys.indices {
      keys[layer].pointer.update(from: other.keys[layer].pointer, count: rows * width)
      values[layer].pointer.update(from: other.values[layer].pointer, count: rows * width)
    }
    length = rows
  }
}

public import Bytes
import Formats
import Kernels

extension LanguageModel {
  /// Draws fresh weights: norms 1, biases 0, matrices normal with deviation 0.02, those that write
  /// to the residual stream divided by √(2 · layers) (Radford et al. 2019).
  public func draw(_ random: inout SeededRandom) {
    let residual = 0.02 / (2 * Double(config.layerCount)).squareRoot()
    for entry in layout.entries {
      let start = weights.pointer + entry.offset
      if entry.name.hasSuffix("norm.weight") {
        start.update(repeating: 1, count: entry.count)
      } else if entry.name.hasSuffix(".bias") {
        start.update(repeating: 0, count: entry.count)
      } else {
        let writes =
          entry.name.hasSuffix("o_proj.weight") || entry.name.hasSuffix("down_proj.weight")
        let deviation = writes ? residual : 0.02
        for i in 0..<entry.count { start[i] = Float(random.normal() * deviation) }
      }
    }
  }
}

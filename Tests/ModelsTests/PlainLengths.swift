import Bytes
import Formats
import Kernels
import Models

/// Measures what an adapter's magnitudes are set against, in plain loops: ‖row of W + scale·B·A‖.
struct PlainLengths {
  private let adapter: Adapter
  private let model: LanguageModel
  private let targets: [(layer: Int, target: String)]

  init(_ adapter: Adapter, _ model: LanguageModel) {
    self.adapter = adapter
    self.model = model
    targets = (0..<model.config.layerCount).flatMap { layer in
      adapter.config.targets.map { (layer, $0) }
    }
  }

  private func place(_ name: String) -> Range<Int> {
    guard let entry = adapter.layout.entry(name) else { preconditionFailure(name) }
    return entry.offset..<entry.offset + entry.count
  }

  private var magnitudePlaces: [Int] {
    targets.flatMap { place(AdapterConfig.magnitudeName(layer: $0.layer, target: $0.target)) }
  }

  /// The magnitudes of all rows.
  var magnitudes: [Double] { magnitudePlaces.map { Double(adapter.weights.pointer[$0]) } }

  func setMagnitudes(_ values: [Double]) {
    for (place, value) in zip(magnitudePlaces, values) {
      adapter.weights.pointer[place] = Float(value)
    }
  }

  /// The lengths of all rows, in the same order.
  var measured: [Double] {
    targets.flatMap { layer, target in
      let name = "model.layers.\(layer).\(AdapterConfig.block(of: target)).\(target).weight"
      guard let entry = model.layout.entry(name) else { preconditionFailure(name) }
      let w = model.floats(entry)
      func factor(_ which: String) -> [Float] {
        let place = place(AdapterConfig.tensorName(layer: layer, target: target, factor: which))
        return place.map { adapter.weights.pointer[$0] }
      }
      let (a, b) = (factor("A"), factor("B"))
      let (rows, columns, rank) = (entry.shape[0], entry.shape[1], adapter.config.rank)
      return (0..<rows).map { row in
        var squares = 0.0
        for column in 0..<columns {
          var sum = Double(w[row * columns + column])
          for r in 0..<rank {
            sum +=
              adapter.config.scale * Double(b[row * rank + r]) * Double(a[r * columns + column])
          }
          squares += sum * sum
        }
        return squares.squareRoot()
      }
    }
  }
}

extension Adapter {
  /// An adapter of random factors, and of magnitudes a fifth longer or shorter than the base's rows.
  static func drawn(
    _ config: AdapterConfig, on model: LanguageModel, deviation: Double,
    _ random: inout SeededRandom
  ) -> Adapter {
    let adapter = Adapter(config: config, base: model, random: &random)
    for entry in adapter.layout.entries {
      for i in entry.offset..<entry.offset + entry.count {
        if entry.name.contains("magnitude") {
          adapter.weights.pointer[i] *= 1 + 0.2 * Float(random.normal())
        } else {
          adapter.weights.pointer[i] = Float(random.normal() * deviation)
        }
      }
    }
    adapter.measure()
    return adapter
  }

  /// The same weights on another model.
  func on(_ model: LanguageModel) -> Adapter {
    var random = SeededRandom(seed: 0)
    let other = Adapter(config: config, base: model, random: &random)
    other.weights.pointer.update(from: weights.pointer, count: weights.count)
    other.measure()
    return other
  }
}

extension FloatBuffer {
  func write(_ floats: [Float]) {
    for (place, value) in floats.enumerated() { pointer[place] = value }
  }
}

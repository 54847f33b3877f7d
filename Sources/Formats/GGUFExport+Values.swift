import Kernels

extension GGUFExport {
  /// The runs of rows in which an item's values are handled; a vector is one row.
  public func runs(of item: Item) -> [Range<Int>] {
    guard let name = item.source, item.entry.shape.count == 2 else { return [0..<1] }
    // Heads whose rows change places are kept whole.
    let unit = config.pairedHeads(of: name) == nil ? 1 : config.headSize
    return RowRuns.of(rows: item.entry.shape[0], columns: item.entry.shape[1], unit: unit)
  }

  /// Values of an item in the layout of the file.
  /// - Parameters:
  ///   - rows: one of its runs.
  ///   - change: what is done to them first.
  public func values(
    _ item: Item, rows: Range<Int>, from source: some TensorSource, change: WeightChange?
  ) throws(FormatError) -> [Float] {
    guard let name = item.source else {
      return config.ropeScaling.map(config.ropeDivisors) ?? []
    }
    let isVector = item.entry.shape.count == 1
    var values =
      isVector ? try source.floats(of: name) : try source.floats(of: name, rows: rows)
    change?.apply(to: &values, firstRow: rows.lowerBound)
    guard let heads = config.pairedHeads(of: name) else { return values }
    let here = isVector ? heads : rows.count / config.headSize
    return RotaryLayout.pairs(
      values, heads: here, columns: values.count / (here * config.headSize))
  }

  /// All values of an item in the layout of the file.
  public func values(
    _ item: Item, from source: some TensorSource, adapter: AdapterWeights?
  ) throws(FormatError) -> [Float] {
    let change = try item.source.flatMap { name throws(FormatError) in
      try adapter?.change(of: name)
    }
    var all: [Float] = []
    for rows in runs(of: item) {
      all += try values(item, rows: rows, from: source, change: change)
    }
    return all
  }

  /// Writes an item's bytes, some rows at a time, with what pads them.
  /// - Parameters:
  ///   - importance: how much the error of each column counts, where that is known.
  ///   - write: takes the bytes in order.
  /// - Throws: if there is a value that its type cannot hold, or that is no finite number.
  public func write(
    _ item: Item, from source: some TensorSource, adapter: AdapterWeights?,
    importance: [Float]? = nil, to write: ([UInt8]) throws -> Void
  ) throws {
    let change = try item.source.flatMap { try adapter?.change(of: $0) }
    let isVector = item.entry.shape.count == 1
    for rows in runs(of: item) {
      let values = try values(item, rows: rows, from: source, change: change)
      if let place = Self.first(beyond: item.entry.type.largest, values) {
        let columns = isVector ? values.count : item.entry.shape[1]
        let cell =
          (isVector ? "" : "row \(rows.lowerBound + place / columns), ")
          + "column \(place % columns)"
        throw FormatError.invalid(
          format: "weights", field: item.source ?? item.entry.name,
          found: "\(values[place]) in \(cell), which \(item.entry.type.name) cannot hold")
      }
      try write(
        item.entry.type.bytes(
          values, columns: isVector ? nil : item.entry.shape[1], importance: importance))
    }
    try write(Array(repeating: 0, count: GGUFLayout.padding(after: item.entry.size)))
  }

  /// The place of the first value that is larger than a type holds, or no finite number; nil, and
  /// soon, if none is.
  private static func first(beyond largest: Float, _ values: [Float]) -> Int? {
    let most = values.withUnsafeBufferPointer { values in
      values.baseAddress.map { Kernels.largestSize($0, count: values.count) } ?? 0
    }
    return most <= largest ? nil : values.firstIndex { !(abs($0) <= largest) }
  }
}

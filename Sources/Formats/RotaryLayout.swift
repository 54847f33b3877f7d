/// Reorders the rows of query and key projections between the two layouts of rotary positions.
///
/// Hugging Face turns element i of a head together with i + half ("halves"); llama2.c and
/// llama.cpp's llama architecture turn neighbours 2i and 2i + 1 together ("pairs").
public enum RotaryLayout {
  /// From halves to pairs. `values` is [heads · headSize, columns].
  public static func pairs(_ values: [Float], heads: Int, columns: Int) -> [Float] {
    permute(values, heads: heads, columns: columns) { index, half in
      index % 2 * half + index / 2
    }
  }

  /// From pairs to halves.
  public static func halves(_ values: [Float], heads: Int, columns: Int) -> [Float] {
    permute(values, heads: heads, columns: columns) { index, half in
      index % half * 2 + index / half
    }
  }

  /// Where each row of the halves layout lies among rows in pairs.
  static func order(heads: Int, size: Int) -> [Int] {
    (0..<heads).flatMap { head in
      (0..<size).map { head * size + $0 % (size / 2) * 2 + $0 / (size / 2) }
    }
  }

  private static func permute(
    _ values: [Float], heads: Int, columns: Int, from source: (_ index: Int, _ half: Int) -> Int
  ) -> [Float] {
    let headSize = values.count / columns / heads
    var result: [Float] = []
    result.reserveCapacity(values.count)
    for head in 0..<heads {
      for index in 0..<headSize {
        let row = head * headSize + source(index, headSize / 2)
        result.append(contentsOf: values[row * columns..<(row + 1) * columns])
      }
    }
    return result
  }
}

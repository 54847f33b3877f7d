public import Bytes

/// Stores tokenised samples: the content of `tokens.safetensors`.
///
/// `input_ids` and `labels` are i32 [N], `offsets` i64 [S+1]; sample s is
/// `offsets[s]..<offsets[s+1]`. `bytes` i64 [S], if there, holds the UTF-8 bytes behind each
/// sample's labels.
public struct TokenFile: Sendable {
  public let ids: [Int32]
  public let labels: [Int32]
  public let offsets: [Int]
  /// The labelled UTF-8 bytes of each sample; nil where the file does not say.
  public let byteCounts: [Int]?
  private static let format = "tokens file"
  /// The name of the file in a tree.
  public static let name = "tokens.safetensors"

  /// Reads and checks tokens.
  public init(_ file: MappedFile) throws(FormatError) {
    let tensors = try SafetensorsFile(file)
    ids = try tensors.tensor("input_ids").int32s()
    labels = try tensors.tensor("labels").int32s()
    offsets = try tensors.tensor("offsets").int64s().map { Int($0) }
    byteCounts = tensors.has("bytes") ? try tensors.tensor("bytes").int64s().map { Int($0) } : nil
    guard labels.count == ids.count else {
      throw .wrongShape(tensor: "labels", expected: [ids.count], found: [labels.count])
    }
    guard offsets.first == 0, offsets.last == ids.count,
      zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else {
      throw .invalid(
        format: Self.format, field: "offsets", found: "not ascending from 0 to \(ids.count)")
    }
    if let byteCounts, byteCounts.count != offsets.count - 1 {
      throw .wrongShape(tensor: "bytes", expected: [offsets.count - 1], found: [byteCounts.count])
    }
    // Far beyond any text, and small enough to be added up.
    if let wrong = byteCounts?.first(where: { !(0...(1 << 40)).contains($0) }) {
      throw .invalid(format: Self.format, field: "bytes", found: "\(wrong)")
    }
    for at in ids.indices
    where ids[at] < 0
      || (labels[at] != ids[at] && labels[at] != TokenSample.unlabelled)
    {
      throw .invalid(
        format: Self.format, field: "position \(at)", found: "id \(ids[at]), label \(labels[at])")
    }
  }

  /// The number of samples.
  public var count: Int { offsets.count - 1 }

  /// One sample.
  public subscript(index: Int) -> TokenSample {
    let range = offsets[index]..<offsets[index + 1]
    return TokenSample(
      ids: Array(ids[range]), labels: Array(labels[range]),
      labelledBytes: byteCounts?[index] ?? 0)
  }

  /// All samples.
  public var samples: [TokenSample] { (0..<count).map { self[$0] } }

  /// The bytes of a tokens file.
  public static func bytes(_ samples: [TokenSample]) -> [UInt8] {
    var offsets: [Int64] = [0]
    var ids: [Int32] = []
    var labels: [Int32] = []
    for sample in samples {
      ids += sample.ids
      labels += sample.labels
      offsets.append(Int64(ids.count))
    }
    var writer = SafetensorsWriter()
    writer.add("input_ids", ids)
    writer.add("labels", labels)
    writer.add("offsets", offsets)
    writer.add("bytes", samples.map { Int64($0.labelledBytes) })
    return writer.bytes()
  }
}

/// Stores where each named tensor lies in one flat run of floats.
///
/// Weights, gradients and the optimiser's moments share a layout, so that an update is one pass.
public struct ParameterLayout: Sendable {
  /// One tensor's place.
  public struct Entry: Sendable {
    public let name: String
    public let shape: [Int]
    public let offset: Int

    public var count: Int { shape.reduce(1, *) }
  }

  public let entries: [Entry]
  /// Floats in all.
  public let count: Int
  private let indices: [String: Int]

  public init(_ tensors: [(name: String, shape: [Int])]) {
    var entries: [Entry] = []
    var indices: [String: Int] = [:]
    var offset = 0
    for tensor in tensors {
      indices[tensor.name] = entries.count
      let entry = Entry(name: tensor.name, shape: tensor.shape, offset: offset)
      entries.append(entry)
      offset += entry.count
    }
    self.entries = entries
    self.indices = indices
    count = offset
  }

  /// The tensor of this name, if there is one.
  public func entry(_ name: String) -> Entry? { indices[name].map { entries[$0] } }

  /// Where a tensor starts; the name must exist.
  func offset(_ name: String) -> Int {
    guard let index = indices[name] else { preconditionFailure("no tensor \(name) in the layout") }
    return entries[index].offset
  }
}

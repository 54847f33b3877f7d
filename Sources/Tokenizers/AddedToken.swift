/// Stores a token that is found in text by its name, before anything else is cut or joined.
public struct AddedToken: Equatable, Sendable {
  public let id: Int32
  public let content: String
  /// Whether it steers the model: taken literally where `specials` is false, left out of decoded
  /// text.
  public let isSpecial: Bool
  /// Whether it counts only where no letter or digit touches it.
  public let isSingleWord: Bool
  /// Whether it takes the white space before it, or behind it, along.
  public let stripsLeft: Bool
  public let stripsRight: Bool
  /// Whether it is looked for in normalised text, its own name normalised too.
  public let isNormalized: Bool

  public init(
    id: Int32, content: String, isSpecial: Bool = true, isSingleWord: Bool = false,
    stripsLeft: Bool = false, stripsRight: Bool = false, isNormalized: Bool = false
  ) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
    self.isSingleWord = isSingleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isNormalized = isNormalized
  }
}

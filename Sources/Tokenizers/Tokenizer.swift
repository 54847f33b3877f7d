public import Formats

/// Turns text into ids and back.
public protocol Tokenizer: Sendable {
  /// One more than the highest id.
  var vocabularyCount: Int { get }
  /// The id that starts a text, where the model wants one.
  var bosID: Int32? { get }
  /// The ids that end a text; the first one is written behind texts.
  var eosIDs: [Int32] { get }
  /// What the tokenizer's own files put before and behind every text; `encode` leaves it out.
  var prefixIDs: [Int32] { get }
  var suffixIDs: [Int32] { get }
  /// The ids of a text; the names of special tokens in it are taken literally where `specials` is
  /// false.
  func encode(_ text: String, specials: Bool) -> [Int32]
  /// The ids of a text that goes on from another, as a completion does from its prompt: without what
  /// some tokenizers put before texts. Names of special tokens are only words.
  func encode(continuing text: String) -> [Int32]
  /// The bytes an id stands for in the midst of a text; none for special tokens and unknown ids.
  func bytes(of id: Int32) -> [UInt8]
  /// The bytes an id stands for where it is the first of a text: some tokenizers put a space before
  /// texts, which is taken away again.
  func bytes(ofFirst id: Int32) -> [UInt8]
  /// Whether text never starts with a space: `bytes(ofFirst:)` goes for each id until there is text.
  var dropsLeadingSpaces: Bool { get }
  /// How the vocabulary spells an id, for people.
  func piece(of id: Int32) -> String
  /// The text of ids; what is not UTF-8 becomes U+FFFD.
  func decode(_ ids: [Int32]) -> String
  /// The metadata by which llama.cpp knows the vocabulary.
  /// - Parameter count: rows of the model's embedding; those beyond the vocabulary become unused
  ///   tokens.
  func ggufMetadata(count: Int) throws -> [(key: String, value: GGUFValue)]
  /// In which texts llama.cpp, knowing the vocabulary by that metadata, gives other ids than this
  /// tokenizer, in words for people; nil where it gives the same.
  var ggufDifference: String? { get }
}

extension Tokenizer {
  public var prefixIDs: [Int32] { [] }
  public var suffixIDs: [Int32] { [] }
  public var dropsLeadingSpaces: Bool { false }
  public var ggufDifference: String? { nil }

  /// The ids of a text in which names of special tokens are only words.
  public func encode(_ text: String) -> [Int32] { encode(text, specials: false) }

  public func encode(continuing text: String) -> [Int32] { encode(text) }

  /// The ids of a text, or of one that goes on from another.
  public func encode(_ text: String, goesOn: Bool) -> [Int32] {
    goesOn ? encode(continuing: text) : encode(text)
  }

  public func bytes(ofFirst id: Int32) -> [UInt8] { bytes(of: id) }

  public func decode(_ ids: [Int32]) -> String {
    String(decoding: ids.flatMap(bytes(of:)), as: UTF8.self)
  }

  /// The id written between texts: what ends one, else what starts one.
  public var separatorID: Int32? { eosIDs.first ?? bosID }

  /// The id that texts start with: what starts one, else what ends one.
  public var startID: Int32? { bosID ?? eosIDs.first }

  /// A text's ids as they stand before another text: with what starts it, and what ends it unless the
  /// start of the next says so.
  public func standingBefore(_ ids: [Int32]) -> [Int32] { start + ids + end }

  /// How many ids `standingBefore` adds.
  public var idsAround: Int { start.count + end.count }

  private var start: [Int32] { startID.map { [$0] } ?? [] }
  private var end: [Int32] { separatorID == startID ? [] : separatorID.map { [$0] } ?? [] }
}

public import Formats

/// Turns text into ids and back.
public protocol Tokenizer: Sendable {
  /// One more than the highest id.
  var vocabularyCount: Int { get }
  /// The id that starts a text, where the model wants one.
  var bosID: Int32? { get }
  /// The ids that end a text; the first one is written behind texts.
  var eosIDs: [Int32] { get }
  /// The ids of a text; the names of special tokens in it are taken literally where `specials` is
  /// false.
  func encode(_ text: String, specials: Bool) -> [Int32]
  /// The bytes an id stands for; none for special tokens and unknown ids.
  func bytes(of id: Int32) -> [UInt8]
  /// How the vocabulary spells an id, for people.
  func piece(of id: Int32) -> String
  /// The text of ids; what is not UTF-8 becomes U+FFFD.
  func decode(_ ids: [Int32]) -> String
  /// The metadata by which llama.cpp knows the vocabulary.
  /// - Parameter count: rows of the model's embedding; those beyond the vocabulary become unused
  ///   tokens.
  func ggufMetadata(count: Int) -> [(key: String, value: GGUFValue)]
}

extension Tokenizer {
  /// The ids of a text in which names of special tokens are only words.
  public func encode(_ text: String) -> [Int32] { encode(text, specials: false) }

  public func decode(_ ids: [Int32]) -> String {
    String(decoding: ids.flatMap(bytes(of:)), as: UTF8.self)
  }

  /// The id written between texts: what ends one, else what starts one.
  public var separatorID: Int32? { eosIDs.first ?? bosID }
}

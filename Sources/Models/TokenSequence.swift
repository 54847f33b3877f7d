/// Stores one sequence that is being continued: what was read of it, and its keys and values.
public final class TokenSequence {
  /// What adapts the base to whoever it belongs to.
  public let adapter: Adapter?
  /// The tokens whose keys and values are in the cache.
  public internal(set) var tokens: [Int32] = []
  /// How many of them, from the first, were read as a prompt. The others were read one at a time,
  /// by kernels that add in another order: only prompts are used again, so that an answer is the
  /// same whether its beginning was in a cache or not.
  public internal(set) var promptCount = 0
  let cache: KeyValueCache
  /// Bytes of the cache.
  let bytes: Int

  /// - Parameter capacity: tokens that will be read at most.
  init(model: LanguageModel, adapter: Adapter?, capacity: Int) {
    precondition(
      adapter?.fits(model) ?? true, "the adapter's magnitudes belong to another model")
    self.adapter = adapter
    cache = KeyValueCache(config: model.config, capacity: capacity)
    bytes = KeyValueCache.bytes(config: model.config, capacity: capacity)
  }

  /// How many tokens a prompt has in common with what was read here as a prompt.
  func commonPrefix(_ prompt: [Int32]) -> Int {
    var count = 0
    let most = min(promptCount, prompt.count)
    while count < most, tokens[count] == prompt[count] { count += 1 }
    return count
  }

  /// Takes over the beginning of another sequence of the same adapter.
  func begin(with count: Int, of other: TokenSequence) {
    cache.copy(first: count, of: other.cache)
    tokens = Array(other.tokens[..<count])
    promptCount = count
  }
}

import ActionCache
import Testing

@testable import plm

/// Which users of a store have bundles to serve.
@Suite struct StoreBundlesTests {
  @Test func `users are found by their names, as such and as paths spell them`() throws {
    let personalised = try Personalised()
    let bundles = StoreBundles(cache: personalised.cache)
    #expect(try bundles.users() == ["an/na"])
    #expect(try bundles.version(of: "an/na") == personalised.bundle)
    #expect(try bundles.version(of: "an%2Fna") == personalised.bundle)
    #expect(try bundles.version(of: "nobody") == nil)
  }
}

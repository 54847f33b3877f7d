import Foundation

extension String {
  /// The text in Unicode normal form C; ASCII is in it already.
  var normalFormC: String {
    utf8.allSatisfy { $0 < 0x80 } ? self : precomposedStringWithCanonicalMapping
  }
}

public import Bytes

/// Says why a bundle cannot be used, as facts.
public enum BundleError: Error, Equatable, Sendable {
  /// There is nothing at this place, or no manifest in it.
  case noBundle(path: String)
  /// The manifest is no JSON, or of a format this version does not know.
  case manifest(path: String, field: String, found: String)
  /// A file that the manifest names is not there.
  case missing(file: String, bundle: String)
  /// A file holds something else than the manifest says.
  case damaged(file: String, bundle: String, expected: Digest, found: Digest)
  /// The base that a bundle's adapter belongs to is not where it should be.
  case noBase(digest: String, places: [String])
}

extension BundleError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noBundle(let path):
      "no bundle · \(path) has no manifest.json · give the folder that plm results --export wrote"
    case .manifest(let path, let field, let found):
      "the bundle's manifest is not what this plm reads · \(path): \(field): \(found) · "
        + "export the bundle again, or use the plm that wrote it"
    case .missing(let file, let bundle):
      "the bundle lacks a file · \(file) in \(bundle) · export or copy the bundle again, whole"
    case .damaged(let file, let bundle, let expected, let found):
      "a file of the bundle is damaged · \(file) in \(bundle): the manifest says "
        + "\(expected.short)…, it is \(found.short)… · export or copy the bundle again"
    case .noBase(let digest, let places):
      "the bundle's base is not there · \(digest), looked for in \(places.joined(separator: ", ")) · "
        + "copy the base's folder too: it lies beside the bundle where that was exported"
    }
  }
}

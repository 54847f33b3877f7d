public import Bytes
import Foundation
public import PersonalLM

/// Knows which users there are, and where each one's bundle is now.
public protocol BundleSource: Sendable {
  /// The users, sorted.
  func users() throws -> [String]
  /// What a user's bundle is named by as it is now; nil for a user there is not.
  func version(of user: String) throws -> Digest?
  func bundle(of user: String) throws -> ModelBundle
}

/// Finds bundles in a folder: one folder each, named as its user is in exports.
public struct FolderBundles: BundleSource {
  private let folder: String

  public init(folder: String) { self.folder = folder }

  public func users() throws -> [String] {
    // Opened here because Foundation does not say why it cannot.
    guard let directory = opendir(folder) else { throw FileError(.list, folder, code: errno) }
    closedir(directory)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    // The bases that bundles share lie among them, but have no manifest.
    return names.filter { !$0.hasPrefix(".") && hasManifest($0) }.sorted()
  }

  public func version(of user: String) throws -> Digest? {
    // A name is one entry of the folder, never a path.
    guard !user.isEmpty, !user.hasPrefix("."), !user.contains("/"), !user.utf8.contains(0),
      let file = try manifestFile(of: user)
    else { return nil }
    return file.withBytes { bytes in
      var hasher = Hasher256()
      hasher.update(bytes)
      return hasher.finish()
    }
  }

  public func bundle(of user: String) throws -> ModelBundle {
    try ModelBundle(path: "\(folder)/\(user)")
  }

  /// The file; nil where there is none. What is there and cannot be read is an error.
  private func manifestFile(of user: String) throws(FileError) -> MappedFile? {
    do {
      return try MappedFile(path: manifest(user))
    } catch where error.code == ENOENT || error.code == ENOTDIR {
      return nil
    }
  }

  private func manifest(_ user: String) -> String {
    "\(folder)/\(user)/\(BundleManifest.fileName)"
  }

  private func hasManifest(_ user: String) -> Bool {
    FileManager.default.fileExists(atPath: manifest(user))
  }
}

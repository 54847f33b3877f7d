public import Bytes
import Foundation

/// Gives a bundle's files, each checked against the manifest when it is opened.
///
/// A bundle is self-contained: a folder, and where its layout is `adapter` the base's folder beside
/// it (`../base-…`) or in it. Nothing is looked for anywhere else, and nothing is fetched.
public struct ModelBundle: Sendable {
  public let manifest: BundleManifest
  /// Where it lies, for people.
  public let place: String
  private let own: Files
  private let base: Files?

  /// Some files, wherever they lie.
  public struct Files: Sendable {
    public let place: String
    public let map: @Sendable (String) throws -> MappedFile?

    /// - Parameter map: maps a file by its path; nil if there is none.
    public init(place: String, map: @escaping @Sendable (String) throws -> MappedFile?) {
      self.place = place
      self.map = map
    }

    /// The files of a folder on disk.
    public init(folder: String) {
      self.init(place: folder) { path in
        do throws(FileError) {
          return try MappedFile(path: "\(folder)/\(path)")
        } catch {
          // A folder, a pipe or a device is not the file that was named.
          if [ENOENT, ENOTDIR, EISDIR, ENOTSUP].contains(error.code) { return nil }
          throw error
        }
      }
    }
  }

  /// Opens a folder.
  public init(path: String) throws {
    let folder = Files(folder: path)
    guard let file = try folder.map(BundleManifest.fileName) else {
      throw BundleError.noBundle(path: path)
    }
    let manifest = try BundleManifest(
      json: file.withBytes { Array($0) }, path: "\(path)/\(BundleManifest.fileName)")
    var base: Files?
    if let name = manifest.baseFolder {
      // The path as it is written may be a link, or end in a slash: beside it is beside what it names.
      let parent = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent()
      let places = ["\(path)/base", "\(path)/\(name)", "\(parent.path)/\(name)"]
      guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
        throw BundleError.noBase(digest: name, places: places)
      }
      base = Files(folder: found)
    }
    self.init(manifest: manifest, files: folder, base: base)
  }

  /// Takes files from wherever they lie.
  /// - Parameter base: those of the shared base, where the layout has one.
  public init(manifest: BundleManifest, files: Files, base: Files?) {
    self.manifest = manifest
    place = files.place
    own = files
    self.base = base
  }

  /// The paths of the bundle's own files.
  public var paths: [String] { manifest.files.map(\.path) }

  /// The paths of the shared base's files.
  public var basePaths: [String] { manifest.baseFiles.map(\.path) }

  /// Maps one of the bundle's own files and checks its digest.
  /// - Throws: `BundleError` if it is missing or damaged.
  public func map(_ path: String) throws -> MappedFile {
    try Self.map(path, manifest.files, own)
  }

  /// Maps one of the base's files and checks its digest.
  public func mapBase(_ path: String) throws -> MappedFile {
    guard let base else {
      throw BundleError.missing(file: path, bundle: "\(place) (it has no base of its own)")
    }
    return try Self.map(path, manifest.baseFiles, base)
  }

  private static func map(
    _ path: String, _ listed: [BundleManifest.File], _ files: Files
  ) throws -> MappedFile {
    guard let wanted = listed.first(where: { $0.path == path }),
      let file = try files.map(path)
    else { throw BundleError.missing(file: path, bundle: files.place) }
    let found = file.withBytes { bytes in
      var hasher = Hasher256()
      hasher.update(bytes)
      return hasher.finish()
    }
    guard found == wanted.digest else {
      throw BundleError.damaged(
        file: path, bundle: files.place, expected: wanted.digest, found: found)
    }
    guard file.count == wanted.bytes else {
      throw BundleError.manifest(
        path: "\(files.place)/\(path)", field: "bytes",
        found: "\(wanted.bytes) in the manifest, \(file.count) in the file")
    }
    return file
  }

  /// Checks every file.
  /// - Returns: what is wrong; nothing for a sound bundle.
  public func problems() -> [any Error] {
    var problems: [any Error] = []
    for path in paths { do { _ = try map(path) } catch { problems.append(error) } }
    for path in basePaths { do { _ = try mapBase(path) } catch { problems.append(error) } }
    return problems
  }
}

public import Bytes
import Formats

/// Stores what a bundle's `manifest.json` says that matters for running it.
public struct BundleManifest: Sendable {
  /// One file and what it must hold.
  public struct File: Sendable, Equatable {
    public let path: String
    public let digest: Digest
    public let bytes: Int

    public init(path: String, digest: Digest, bytes: Int) {
      self.path = path
      self.digest = digest
      self.bytes = bytes
    }
  }

  /// How a bundle is laid out.
  public enum Layout: String, Sendable, CaseIterable {
    /// One model, the adapter merged into it.
    case merged
    /// An adapter, and a base that many bundles share.
    case adapter
  }

  /// What answers: the best on validation text of what there was.
  public enum Arm: String, Sendable, CaseIterable {
    case base
    case baseRetrieval = "base+retrieval"
    case personal
    case personalRetrieval = "personal+retrieval"

    public var isPersonal: Bool { self == .personal || self == .personalRetrieval }
    public var retrieves: Bool { self == .baseRetrieval || self == .personalRetrieval }
  }

  /// `plm-bundle 1` or `plm-bundle 2`.
  public let format: String
  public let layout: Layout
  /// Every file of the bundle itself but the manifest, by path.
  public let files: [File]
  /// The files of the shared base, by path within its folder; empty where there is none.
  public let baseFiles: [File]
  /// Which arm the bundle ships.
  public let ships: Arm
  /// All of it.
  public let json: JSON

  public static let fileName = "manifest.json"
  public static let formats = ["plm-bundle 1", "plm-bundle 2"]

  /// Reads a manifest.
  /// - Parameter path: where it lies, for errors.
  public init(json bytes: [UInt8], path: String) throws(BundleError) {
    func wrong(_ field: String, _ found: String) -> BundleError {
      .manifest(path: path, field: field, found: String(found.prefix(200)))
    }
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: bytes)
    } catch {
      throw wrong("JSON", "\(error.reason.rawValue), byte \(error.offset)")
    }
    guard let format = json["format"]?.stringValue, Self.formats.contains(format) else {
      throw wrong("format", json["format"]?.text ?? "missing")
    }
    let layout = json["layout"]?.stringValue ?? Layout.merged.rawValue
    guard let layout = Layout(rawValue: layout) else { throw wrong("layout", layout) }
    let ships = json["gate"]?["ships"]?.stringValue ?? Arm.personal.rawValue
    guard let ships = Arm(rawValue: ships) else { throw wrong("gate.ships", ships) }
    func files(_ node: JSON?, _ field: String) throws(BundleError) -> [File] {
      guard let node else { throw wrong(field, "missing") }
      guard let members = node.objectValue, members.count <= 100_000 else {
        throw wrong(field, "no object of files")
      }
      var files: [File] = []
      for (name, value) in members.sorted(by: { $0.key < $1.key }) {
        guard Self.isInside(name) else { throw wrong(field, "the path \(name)") }
        guard let digest = value["digest"]?.stringValue.flatMap({ Digest($0) }),
          let bytes = value["bytes"]?.intValue, bytes >= 0
        else { throw wrong("\(field).\(name)", value.text) }
        files.append(File(path: name, digest: digest, bytes: bytes))
      }
      return files
    }
    self.format = format
    self.layout = layout
    self.ships = ships
    self.json = json
    self.files = try files(json["files"], "files")
    let base = json["base"]?["files"]
    baseFiles = base == nil && layout == .merged ? [] : try files(base, "base.files")
    // A bundle that lists nothing to answer with would pass every check of what it lists.
    let (listed, field) = layout == .merged ? (self.files, "files") : (baseFiles, "base.files")
    guard listed.contains(where: Self.isModel) else { throw wrong(field, "no model in it") }
  }

  /// The name of the shared base's folder, made from what it must hold.
  public var baseFolder: String? {
    layout == .adapter ? Self.baseFolder(of: baseFiles) : nil
  }

  /// `base-` and the first digits of a digest over the files' digests.
  public static func baseFolder(of files: [File]) -> String {
    let list = files.sorted { $0.path < $1.path }.map { "\($0.digest.hex) \($0.path)\n" }.joined()
    return "base-" + Digest(of: list).short
  }

  /// Whether a file holds the weights that answer.
  private static func isModel(_ file: File) -> Bool {
    !file.path.contains("/") && !file.path.hasPrefix("adapter") && ModelFolder.isWeights(file.path)
  }

  /// Whether a path stays within its folder.
  static func isInside(_ path: String) -> Bool {
    !path.utf8.contains(0)
      && path.split(separator: "/", omittingEmptySubsequences: false)
        .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }
}

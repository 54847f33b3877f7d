/// Says what a digest names.
public enum ObjectKind: String, Sendable {
  case file, tree
}

/// The forms in which an object lies on disk.
enum ObjectForm: String, CaseIterable {
  case tree = ".tree"
  case raw = ""
  case deflated = ".z"

  var kind: ObjectKind { self == .tree ? .tree : .file }
}

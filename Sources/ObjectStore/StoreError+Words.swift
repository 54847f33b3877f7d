import Bytes

// What this module's errors say to a person: what happened · where · what to do next.

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAStore(let path):
      "not a store · \(path) · name another folder with --store, or an empty one to make a store"
    case .wrongFormat(let path, let found):
      "a store of another format (\(found)) · \(path) · use the plm that made it, or another store"
    case .missing(let digest):
      "no such object · \(digest) · build what makes it again"
    case .damaged(let digest, let damage):
      "damaged object: \(damage) · \(digest) · it is in quarantine; build what makes it again"
    case .isTree(let digest):
      "a folder where a file was expected · \(digest) · name a file in it"
    case .isFile(let digest):
      "a file where a folder was expected · \(digest) · name a folder"
    case .noEntry(let path, let tree):
      "no such file in the folder · \(path) in \(tree) · check what made that folder"
    case .badPath(let path):
      "a path that a stored folder cannot hold · \"\(path)\" · it must be relative, without . or"
        + " .., and be there once"
    case .badPrefix(let text):
      "not the beginning of a digest · \"\(text)\" · write sha256: and hexadecimal digits"
    case .changedWhileRead(let path):
      "the file changed while it was read · \(path) · run again when nothing writes to it"
    case .linkLoop(let path):
      "symbolic links that only lead to each other · \(path) · remove them"
    case .notAFile(let path):
      "neither a file nor a folder · \(path) · name a file or a folder"
    case .replyNotText(let request, let draw):
      "the teacher's reply is not UTF-8 · request \(request.short), draw \(draw)"
        + " · check the endpoint"
    case .damagedReply(let request, let draw):
      "damaged reply of the teacher · request \(request.short), draw \(draw)"
        + " · it is in quarantine; run again to ask anew"
    case .file(let error):
      error.description
    }
  }
}

extension Damage: CustomStringConvertible {
  public var description: String {
    switch self {
    case .content(let found): "its content is that of \(found.short)…"
    case .compression: "its compressed form is broken"
    case .listing: "its listing is not in order"
    case .unreadable(let code): "the disk cannot read it (error \(code))"
    }
  }
}

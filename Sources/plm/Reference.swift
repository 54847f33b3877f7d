import ActionCache
import Bytes
import Foundation
import Graph
import ObjectStore

/// Stores what a word of the command line names in the store.
///
/// `sha256:…` or a prefix of it, of an artifact or the key of an action; `USER/NODE` or `NODE`; one
/// output of it as `USER/NODE.OUTPUT`; and behind any of these `/FILE` for a file of a tree.
struct Reference {
  /// What is named.
  enum Subject {
    case object(Digest)
    /// The action that a node stands for.
    case action(ActionRecord)
    /// A node that has only ever failed.
    case failure(ActionRecord)
    case output(ActionRecord, name: String, Digest)
  }

  let subject: Subject
  /// The node that is named, if one is: it may stand for an action of another user with equal inputs.
  let node: ActionCache.Place?
  /// The file within the tree, if one is named.
  let file: String?

  /// Finds what a word names.
  /// - Parameter user: the user meant where only a node is named.
  init(_ word: String, in cache: ActionCache, user: String? = nil) throws {
    if let found = try Self.object(word, cache) {
      self = found
      return
    }
    let places = try cache.places()
    // The longest name first: a user's name may have slashes in it.
    var cuts = word.indices.filter { word[$0] == "/" }
    cuts.append(word.endIndex)
    var problem: UsageProblem?
    for cut in cuts.reversed() {
      let name = String(word[..<cut])
      let file = cut == word.endIndex ? nil : String(word[word.index(after: cut)...])
      do {
        if let (subject, place) = try Self.subject(name, places, user, cache) {
          self.init(subject: subject, node: place, file: file?.isEmpty == true ? nil : file)
          return
        }
      } catch let error as UsageProblem {
        // What no output is called may be one with a file of it: a shorter name may fit.
        problem = error
      }
    }
    throw problem
      ?? UsageProblem(
        "'\(word)' is neither a digest in the store nor a node that was built (USER/NODE, NODE, "
          + "USER/NODE.OUTPUT)")
  }

  private init(subject: Subject, node: ActionCache.Place? = nil, file: String?) {
    self.subject = subject
    self.node = node
    self.file = file
  }

  private static func object(_ word: String, _ cache: ActionCache) throws -> Reference? {
    let isNamed = word.hasPrefix(Digest.scheme)
    let rest = isNamed ? word.dropFirst(Digest.scheme.count) : word[...]
    let digits = rest.prefix { $0.isHexDigit && !$0.isUppercase }
    let after = rest.dropFirst(digits.count)
    guard digits.count >= (isNamed ? 1 : 4), after.isEmpty || after.hasPrefix("/") else {
      return nil
    }
    let found = try cache.store.digests(matching: String(digits))
    let keys = found.isEmpty ? try cache.keys(beginning: String(digits)) : []
    guard let first = found.first ?? keys.first else {
      // What an action gave, or what was put away as damaged, was there once.
      if let digest = Digest(digits),
        try !cache.producers(of: digest).isEmpty
          || cache.damage().joined().contains(where: { $0.object == digest })
      {
        throw StoreError.missing(digest)
      }
      if isNamed {
        throw UsageProblem("no artifact of the store and no action begins with \(digits)")
      }
      return nil
    }
    guard found.count + keys.count == 1 else {
      throw UsageProblem(
        "\(digits) could be any of "
          + (found + keys).prefix(5).map(\.description).joined(separator: ", "))
    }
    let file = String(after.dropFirst())
    if let record = try keys.first.flatMap({ try cache.attempt($0) }) {
      return Reference(
        subject: record.succeeded ? .action(record) : .failure(record),
        file: file.isEmpty ? nil : file)
    }
    return Reference(subject: .object(first), file: file.isEmpty ? nil : file)
  }

  private static func subject(
    _ name: String, _ places: [ActionCache.Place], _ user: String?, _ cache: ActionCache
  ) throws -> (Subject, ActionCache.Place)? {
    if let place = try place(name, places, user) {
      return try subject(of: place, cache).map { ($0, place) }
    }
    guard let dot = name.lastIndex(of: "."),
      let place = try place(String(name[..<dot]), places, user)
    else { return nil }
    let output = String(name[name.index(after: dot)...])
    guard case .action(let record) = try subject(of: place, cache) else { return nil }
    guard let digest = record.outputs[output] else {
      throw UsageProblem(
        "\(String(name[..<dot])) has no output '\(output)'; it has "
          + record.outputs.keys.sorted().joined(separator: ", "))
    }
    return (.output(record, name: output, digest), place)
  }

  private static func subject(of place: ActionCache.Place, _ cache: ActionCache) throws -> Subject?
  {
    let state = try cache.state(user: place.user, node: place.node)
    return state.action.map(Subject.action) ?? state.failure.map(Subject.failure)
  }

  private static func place(
    _ name: String, _ places: [ActionCache.Place], _ user: String?
  ) throws -> ActionCache.Place? {
    let found = places.filter { place in
      if let owner = place.user {
        if let user {
          return place.node == name && (owner == user || UserName.encoded(owner) == user)
        }
        return name == "\(owner)/\(place.node)"
          || name == "\(UserName.encoded(owner))/\(place.node)"
      }
      return place.node == name && user == nil
    }
    if let first = found.first { return first }
    let owners = places.filter { $0.node == name }.compactMap(\.user)
    guard let owner = owners.first else { return nil }
    if owners.count == 1 { return places.first { $0.node == name && $0.user == owner } }
    throw UsageProblem(
      "node '\(name)' was built for \(owners.count) users; write USER/\(name), for example "
        + "\(UserName.encoded(owner))/\(name)")
  }

  /// The action that is named, or that gave the artifact that is named: the latest that did.
  func action(of word: String, in cache: ActionCache) throws -> ActionRecord {
    switch subject {
    case .action(let record), .failure(let record), .output(let record, _, _): return record
    case .object(let digest):
      guard let maker = try cache.producers(of: digest).first else {
        throw UsageProblem("\(word) came of no action of this store: it was put into it by hand")
      }
      return maker
    }
  }

  /// The one artifact that is named.
  func digest(of word: String, in store: ObjectStore) throws -> Digest {
    let whole: Digest
    switch subject {
    case .object(let digest), .output(_, _, let digest): whole = digest
    case .failure: throw UsageProblem("\(word) has failed and has no outputs; see plm log")
    case .action(let record):
      guard record.outputs.count == 1, let only = record.outputs.first else {
        throw UsageProblem(
          "\(word) has several outputs; name one as \(word).OUTPUT: "
            + record.outputs.keys.sorted().joined(separator: ", "))
      }
      whole = only.value
    }
    guard let file else { return whole }
    guard store.kind(of: whole) == .tree else {
      throw UsageProblem("\(whole) is a single file and has no '\(file)' in it")
    }
    let tree = try store.tree(whole)
    guard let entry = tree[file] else {
      let paths = tree.entries.map(\.path)
      let meant = Suggestion.nearest(to: file, among: paths.prefix(1000))
      throw UsageProblem(
        "there is no file '\(file)' in \(word.dropLast(file.count + 1))"
          + (meant.map { "; did you mean '\($0)'?" }
            ?? "; it has " + paths.prefix(20).joined(separator: ", ")))
    }
    return entry.digest
  }
}

extension ActionRecord {
  /// The node that ran.
  var place: ActionCache.Place { ActionCache.Place(user: user, node: node) }
}

public import Bytes
package import ChatTemplates
import Formats
import Foundation
public import Models
package import Tokenizers

/// Stores a model that is ready to answer, with its tokenizer: the base of everybody whose adapter is
/// over it.
public final class BaseModel: Sendable {
  package let engine: Engine
  /// How conversations are put to it: nil for a model that was never taught any, an error where its
  /// template uses what plm cannot carry out. Texts are continued all the same.
  package let template: Result<ChatTemplate?, TemplateError>
  /// Bytes of its files.
  public let bytes: Int
  /// The tokens that end an answer.
  let ends: Set<Int32>

  package var model: LanguageModel { engine.model }
  package var tokenizer: any Tokenizer { engine.tokenizer }

  /// Opens a model from its files: a Hugging Face folder, GGUF or llama2.c.
  public init(
    paths: [String], limits: ContinuousBatch.Limits = .init(),
    map: (String) throws -> MappedFile
  ) throws {
    var bytes = 0
    func counted(_ path: String) throws -> MappedFile {
      let file = try map(path)
      bytes += file.count
      return file
    }
    let folder = try ModelFolder(paths: paths, map: counted)
    let model = try LanguageModel(folder)
    // A GGUF model has all in one header, which takes as long to read as all the rest of opening.
    let tokenizer = try TokenizerFolder.open(
      paths: paths, map: map, gguf: folder.gguf, rows: model.config.vocabularySize)
    do {
      template = .success(try ChatTemplate.find(paths: paths, map: map, gguf: folder.gguf))
    } catch let error as TemplateError {
      template = .failure(error)
    }
    self.bytes = bytes
    var ends = Set(tokenizer.eosIDs)
    // The model's own config may name more ends than its tokenizer, such as those of turns.
    ends.formUnion(model.config.eosIDs.filter { $0 >= 0 && $0 < model.config.vocabularySize })
    if let bos = tokenizer.bosID { ends.insert(bos) }
    if (try? template.get()) != nil {
      // What ends a turn in the families' templates, where the vocabulary has it as one token.
      for family in ChatFamily.allCases {
        for stop in family.stops {
          let ids = tokenizer.encode(stop, specials: true)
          if ids.count == 1 { ends.formUnion(ids) }
        }
      }
    }
    self.ends = ends
    engine = Engine(model, tokenizer: tokenizer, limits: limits)
  }

  /// Opens a folder or a file.
  public convenience init(path: String, limits: ContinuousBatch.Limits = .init()) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FileError(.open, path, code: ENOENT)
    }
    guard isFolder.boolValue else {
      let url = URL(fileURLWithPath: path)
      let folder = url.deletingLastPathComponent().path
      let name = url.lastPathComponent
      let beside = TokenizerFolder.beside(
        name, of: (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      try self.init(paths: [name] + beside, limits: limits) {
        try MappedFile(path: "\(folder)/\($0)")
      }
      return
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    try self.init(paths: names, limits: limits) { try MappedFile(path: "\(path)/\($0)") }
  }

  /// Opens a PEFT adapter's folder over this base.
  public func adapter(at path: String) throws -> Adapter {
    try Adapter(
      paths: try FileManager.default.contentsOfDirectory(atPath: path), base: model
    ) { try MappedFile(path: "\(path)/\($0)") }
  }

  /// The most tokens a prompt and its answer may have together.
  public var positions: Int { model.config.maximumPositions }
}

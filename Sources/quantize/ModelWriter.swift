import Bytes
import Formats
import Foundation
import Models
import StageKit

/// Writes a base, its adapter merged into it in f32, as GGUF of any type.
struct ModelWriter {
  static let fileName = "model.gguf"

  let folder: ModelFolder
  let adapter: AdapterWeights?
  /// The metadata of the vocabulary; nil for a model without one.
  let vocabulary: [(key: String, value: GGUFValue)]?
  let importance: ColumnImportance?
  let context: StageContext

  /// Hands over the bytes of the whole file, and says what is in it.
  func write(_ type: GGUFFileType, to take: ([UInt8]) throws -> Void) throws -> Report.Row {
    let export = try GGUFExport(
      config: folder.config, type: type, hasImportance: importance != nil)
    let layout = export.layout(tokenizer: vocabulary)
    var row = Report.Row(type: type)
    try take(layout.header)
    row.bytes = layout.header.count
    for (place, item) in export.items.enumerated() {
      try export.write(
        item, from: folder.tensors, adapter: adapter,
        importance: item.source.flatMap { importance?[$0] }
      ) { bytes in
        row.bytes += bytes.count
        try take(bytes)
      }
      row.tensorBytes += item.entry.size
      row.tensors[item.entry.type.name, default: 0] += 1
      if item.fellBack {
        row.fallen.append(item.entry.name)
        context.log(
          "\(item.entry.name): rows of \(item.entry.shape.last ?? 0) are no whole blocks, "
            + "kept in \(item.entry.type.name)")
      }
      if place % 20 == 0 {
        context.progress([
          "type": .string(type.name), "tensor": .int(place), "tensors": .int(export.items.count),
        ])
      }
    }
    return row
  }

  /// Writes a file that is no output, and opens it; it is gone when the model is.
  func writeAside(
    _ type: GGUFFileType, _ done: (Report.Row) -> Void
  ) throws -> ModelFolder {
    let path = try context.workFolder + "/aside.gguf"
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else { throw FileError(.open, path, code: errno) }
    defer { try? FileManager.default.removeItem(atPath: path) }
    done(try write(type) { try file.write(contentsOf: $0) })
    try file.close()
    return try ModelFolder(paths: [Self.fileName]) { _ in try MappedFile(path: path) }
  }
}

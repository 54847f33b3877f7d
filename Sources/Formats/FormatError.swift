/// Says why a file is not what its format promises, as facts.
public enum FormatError: Error, Equatable, Sendable {
  /// The content ends before what it announces.
  case truncated(format: String, part: String, needed: Int, available: Int)
  /// A field holds something the format does not allow.
  case invalid(format: String, field: String, found: String)
  /// A field or tensor that must be there is not.
  case missing(format: String, field: String)
  /// A field holds something valid that this program does not compute.
  case unsupported(format: String, field: String, found: String, supported: String)
  /// A field that this program does not know and that may change the mathematics.
  case unknownField(format: String, field: String, found: String)
  /// Two tensors claim the same bytes.
  case overlapping(format: String, first: String, second: String)
  /// A tensor whose shape does not fit.
  case wrongShape(tensor: String, expected: [Int], found: [Int])
  /// A tensor whose elements are of another type than is read.
  case wrongType(tensor: String, expected: String, found: String)
  /// Weights of a model whose other files were not given.
  case weightsAlone(file: String)
}

extension FormatError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truncated(let format, let part, let needed, let available):
      "\(format) ends too early · \(part): needs \(needed) bytes, has \(available) · "
        + "the file is cut short; fetch or write it again"
    case .invalid(let format, let field, let found):
      "\(format) is malformed · \(field): \(found) · "
        + "the file is damaged or of another format; check where it comes from"
    case .missing(let format, let field):
      "\(format) lacks something · \(field) · check that the file is whole and of this format"
    case .unsupported(let format, let field, let found, let supported):
      "\(format) asks for something plm cannot do · \(field): \(found) · use a model with \(supported)"
    case .unknownField(let format, let field, let found):
      "\(format) has an unknown field · \(field): \(found) · it may change the mathematics; "
        + "remove it if it does not"
    case .overlapping(let format, let first, let second):
      "\(format) is malformed · tensors \(first) and \(second) share bytes · "
        + "the file is damaged; fetch or write it again"
    case .wrongShape(let tensor, let expected, let found):
      "tensor does not fit · \(tensor): expected shape \(expected), found \(found) · "
        + "check that weights and config belong together"
    case .wrongType(let tensor, let expected, let found):
      "tensor has the wrong type · \(tensor): expected \(expected), found \(found) · "
        + "check that this is the file you meant"
    case .weightsAlone(let file):
      "weights alone are no model · \(file.isEmpty ? "a safetensors file" : file) · give the folder "
        + "that holds config.json and the tokenizer too"
    }
  }
}

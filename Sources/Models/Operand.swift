import Kernels

/// Names what an operand is rounded to before it meets a weight: never to fewer bits than the weight was.
private enum OperandForm {
  /// Not rounded.
  case floats
  /// To bf16, for weights of bf16 and fewer bits: that changes a product less than rounding the weight
  /// did, and many processors multiply such pairs at twice the speed or more.
  case halves
  /// Each 32 numbers to eight bits and a scale, for weights of six bits or fewer: multiplied as whole
  /// numbers where the processor can, at almost twice the speed again. Not for weights of eight bits:
  /// that would change what is read by as much as rounding the weights did.
  case levels

  /// - Parameter isPrompt: bf16 pays for many rows; for one, reading the weight takes the time.
  init(of weight: NumberType, isPrompt: Bool) {
    switch weight {
    case .f32, .f16: self = .floats
    case .bf16, .q8: self = Self.unlessLevels(isPrompt: isPrompt)
    default:
      let hasLevels = Kernels.hasLevels(weight, many: isPrompt)
      self = hasLevels ? .levels : Self.unlessLevels(isPrompt: isPrompt)
    }
  }

  private static func unlessLevels(isPrompt: Bool) -> Self {
    isPrompt && Kernels.hasPairs ? .halves : .floats
  }

  var type: NumberType {
    switch self {
    case .floats: .f32
    case .halves: .bf16
    case .levels: .q8
    }
  }
}

/// Keeps the memory of rounded operands from one to the next.
final class OperandRoom {
  private var buffers: [OperandForm: NumberBuffer] = [:]

  fileprivate func buffer(_ form: OperandForm, count: Int) -> NumberBuffer {
    if let there = buffers[form], there.count >= count { return there }
    let made = NumberBuffer(count: count, type: form.type)
    buffers[form] = made
    return made
  }
}

/// Stores where rows lie that weights are multiplied with, in every form those weights want.
///
/// Rows are rounded once, and not as often as they are read. The copies last until the next operand
/// of the same room.
struct Operand {
  private let rows: Int
  private let isPrompt: Bool
  private var forms: [OperandForm: Matrix]

  init(
    _ x: FloatBuffer, rows: Int, columns: Int, isPrompt: Bool, for weights: [Weight],
    in room: OperandRoom
  ) {
    let floats = Floats(x.pointer)
    self.rows = rows
    self.isPrompt = isPrompt
    forms = [.floats: Matrix(floats, stride: columns)]
    for weight in weights {
      let form = OperandForm(of: weight.type, isPrompt: isPrompt)
      guard forms[form] == nil else { continue }
      let copy = room.buffer(form, count: rows * columns)
      Kernels.narrow(floats, into: copy.pointer, type: form.type, count: rows * columns)
      forms[form] = copy.matrix(columns: columns)
    }
  }

  /// Names one weight to multiply with, and where the product goes.
  struct Target {
    let weight: Weight
    let y: MutableFloats
    var bias: Floats? = nil
    var add = false
  }

  /// y[rows, weight's rows] (+)= x·Wᵀ + bias for each target, their weights being those that it was
  /// made for. Prompts are multiplied by tiles, single tokens by dot products, all at once.
  func multiply(into targets: [Target]) {
    var dots: [DotProduct] = []
    for target in targets {
      let weight = target.weight
      let form = OperandForm(of: weight.type, isPrompt: isPrompt)
      guard let x = forms[form] else { continue }
      let (n, k) = (weight.rows, weight.columns)
      if !isPrompt {
        dots.append(
          DotProduct(
            x, weight.matrix, n: n, k: k, into: target.y, bias: target.bias,
            accumulate: target.add))
      } else if form == .levels {
        Kernels.productOfLevels(
          x, weight.matrix, m: rows, n: n, k: k, into: target.y, accumulate: target.add,
          bias: target.bias)
      } else {
        Kernels.product(
          [Term(x, weight.transposed, k: k)], m: rows, n: n,
          precision: form == .halves ? .bf16 : .f32, into: target.y, accumulate: target.add,
          bias: target.bias)
      }
    }
    if !dots.isEmpty { Kernels.dots(dots, m: rows) }
  }

  /// What products of a prompt's queries and keys are rounded to, beside weights of a type.
  static func attentionPrecision(_ weight: NumberType) -> Precision {
    Kernels.hasPairs && OperandForm(of: weight, isPrompt: true) != .floats ? .bf16 : .f32
  }
}

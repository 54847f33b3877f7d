/// Stores which characters an expression's class, escape or letter takes.
struct CharacterSet: Sendable {
  /// A kind of characters that has a name.
  enum Kind: Sendable, Equatable {
    case space
    case digit
    case word
    case anything
    /// The Unicode categories whose abbreviation begins so.
    case category(String)
  }

  struct Part: Sendable {
    let kind: Kind
    let isNegated: Bool
  }

  var ranges: [ClosedRange<UInt32>] = []
  var parts: [Part] = []
  var isNegated = false
  /// Whether a letter also takes its other case.
  var foldsCase = false
  /// The answers for ASCII, made by `finish`.
  private var ascii: [Bool] = []

  init() {}

  init(_ scalar: Unicode.Scalar, foldsCase: Bool) {
    ranges = [scalar.value...scalar.value]
    self.foldsCase = foldsCase
    finish()
  }

  init(_ kind: Kind, isNegated: Bool = false) {
    parts = [Part(kind: kind, isNegated: isNegated)]
    finish()
  }

  /// Works out the answers for ASCII; to be called when the set is complete.
  mutating func finish() {
    ascii = []
    ascii = (0..<128).map { contains(UInt32($0)) }
  }

  func contains(_ value: UInt32) -> Bool {
    if value < 128, !ascii.isEmpty { return ascii[Int(value)] }
    return holds(value) != isNegated
  }

  private func holds(_ value: UInt32) -> Bool {
    if has(value) { return true }
    guard foldsCase, let scalar = Unicode.Scalar(value) else { return false }
    return Self.others(scalar).contains { has($0) }
  }

  private func has(_ value: UInt32) -> Bool {
    ranges.contains { $0.contains(value) }
      || parts.contains { Self.is(value, $0.kind) != $0.isNegated }
  }

  /// What a character matches besides itself where case does not matter.
  private static func others(_ scalar: Unicode.Scalar) -> [UInt32] {
    var found: [UInt32] = []
    let properties = scalar.properties
    for text in [properties.lowercaseMapping, properties.uppercaseMapping] {
      let scalars = text.unicodeScalars
      guard scalars.count == 1, let first = scalars.first else { continue }
      found.append(first.value)
      // The long s, the Kelvin sign and their like fold to letters that have another upper case.
      for again in [first.properties.lowercaseMapping, first.properties.uppercaseMapping]
      where again.unicodeScalars.count == 1 {
        found += again.unicodeScalars.map(\.value)
      }
    }
    switch scalar {
    case "k", "K": found.append(0x212a)
    case "s", "S": found.append(0x17f)
    case "å", "Å": found.append(0x212b)
    default: break
    }
    return found
  }

  private static func `is`(_ value: UInt32, _ kind: Kind) -> Bool {
    switch kind {
    case .anything: return true
    case .space: return CharacterClass(value) == .space
    case .category("L"): return CharacterClass(value) == .letter
    case .category("N"): return CharacterClass(value) == .number
    case .digit, .word, .category:
      guard let scalar = Unicode.Scalar(value) else { return false }
      if kind == .word { return Characters.isOnigurumaWord(scalar) }
      let name = abbreviation(Characters.category(of: scalar))
      if case .category(let wanted) = kind { return name.hasPrefix(wanted) }
      return name == "Nd"
    }
  }

  static let categories: Set<String> = [
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc",
    "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C",
    "Cc", "Cf", "Cs", "Co", "Cn",
  ]

  private static func abbreviation(_ category: Unicode.GeneralCategory) -> String {
    switch category {
    case .uppercaseLetter: "Lu"
    case .lowercaseLetter: "Ll"
    case .titlecaseLetter: "Lt"
    case .modifierLetter: "Lm"
    case .otherLetter: "Lo"
    case .nonspacingMark: "Mn"
    case .spacingMark: "Mc"
    case .enclosingMark: "Me"
    case .decimalNumber: "Nd"
    case .letterNumber: "Nl"
    case .otherNumber: "No"
    case .connectorPunctuation: "Pc"
    case .dashPunctuation: "Pd"
    case .openPunctuation: "Ps"
    case .closePunctuation: "Pe"
    case .initialPunctuation: "Pi"
    case .finalPunctuation: "Pf"
    case .otherPunctuation: "Po"
    case .mathSymbol: "Sm"
    case .currencySymbol: "Sc"
    case .modifierSymbol: "Sk"
    case .otherSymbol: "So"
    case .spaceSeparator: "Zs"
    case .lineSeparator: "Zl"
    case .paragraphSeparator: "Zp"
    case .control: "Cc"
    case .format: "Cf"
    case .surrogate: "Cs"
    case .privateUse: "Co"
    case .unassigned: "Cn"
    @unknown default: "Cn"
    }
  }
}

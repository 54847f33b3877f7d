extension ConfigFields {
  /// The base of the rotary frequencies and how they are scaled, from `rope_parameters`
  /// (transformers 5) or `rope_scaling` (before), with `rope_theta` inside or beside.
  /// - Parameter positions: the context's length, for a scaling that does not say its own.
  /// - Throws: for other scalings, and for fields of them that are not known.
  func rope(positions: Int) throws(FormatError) -> (theta: Double, scaling: RopeScaling?) {
    let names = ["rope_parameters", "rope_scaling"].filter { value($0) != nil }
    if names.count == 2, node[names[0]] != node[names[1]] {
      throw .invalid(
        format: format, field: names[1], found: "other values than in \(names[0])")
    }
    let beside = try positive("rope_theta") ?? 10_000
    guard let name = names.first, let object = value(name) else { return (beside, nil) }
    guard let members = object.members else { throw wrong(name, object) }
    // Errors name the field with its path.
    let fields = ConfigFields(
      node: .object(members.map { JSONMember("\(name).\($0.name)", $0.value) }), format: format)
    try fields.refuseRepeats()
    func path(_ field: String) -> String { "\(name).\(field)" }
    return (
      try fields.positive(path("rope_theta")) ?? beside,
      try fields.scaling(path: path, positions: positions)
    )
  }

  private func scaling(
    path: (String) -> String, positions: Int
  ) throws(FormatError) -> RopeScaling? {
    let typeField = value(path("rope_type")) == nil ? path("type") : path("rope_type")
    let type = value(typeField) == nil ? "default" : try text(typeField)
    var own: [String] = []
    func number(_ field: String) throws(FormatError) -> Double {
      own.append(path(field))
      guard let number = try positive(path(field)) else {
        throw .missing(format: format, field: path(field))
      }
      return number
    }
    let scaling: RopeScaling?
    switch type {
    case "default": scaling = nil
    case "linear": scaling = .linear(factor: try number("factor"))
    case "llama3":
      let low = try number("low_freq_factor")
      let high = try number("high_freq_factor")
      guard low < high else {
        throw .invalid(
          format: format, field: path("high_freq_factor"),
          found: "\(high), not above low_freq_factor \(low)")
      }
      own.append(path("original_max_position_embeddings"))
      scaling = .llama3(
        factor: try number("factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
        originalPositions: try optionalSize(path("original_max_position_embeddings"))
          ?? positions)
    default:
      throw .unsupported(
        format: format, field: typeField, found: type,
        supported: "rope type default, linear or llama3")
    }
    let known = own + ["rope_type", "type", "rope_theta"].map(path)
    for member in node.members ?? [] where !known.contains(member.name) && !member.value.isNull {
      if member.name == path("partial_rotary_factor"), member.value.number == 1 { continue }
      throw .unknownField(
        format: format, field: member.name, found: Self.show(member.value))
    }
    return scaling
  }
}

/// Stores an expression and the line it stands on.
struct TemplateExpression: Sendable {
  let line: Int
  let form: Form
  /// How many expressions stand in each other here: evaluation descends so far.
  let height: Int

  init(line: Int, form: Form) {
    self.line = line
    self.form = form
    height = 1 + form.children.reduce(0) { max($0, $1.height) }
  }

  indirect enum Form: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case name(String)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case dictionary([(key: TemplateExpression, value: TemplateExpression)])
    /// `a.b`
    case attribute(TemplateExpression, String)
    /// `a[b]`
    case item(TemplateExpression, TemplateExpression)
    /// `a[from:to:step]`
    case slice(
      TemplateExpression, from: TemplateExpression?, to: TemplateExpression?,
      step: TemplateExpression?)
    case call(TemplateExpression, TemplateArguments)
    case filter(TemplateExpression, String, TemplateArguments)
    /// `a is b`, or `a is not b`
    case test(TemplateExpression, String, TemplateArguments, isNegated: Bool)
    case not(TemplateExpression)
    case negative(TemplateExpression)
    case positive(TemplateExpression)
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    case arithmetic(String, TemplateExpression, TemplateExpression)
    /// `a < b < c`
    case compare(TemplateExpression, [(sign: String, to: TemplateExpression)])
    /// `a if b else c`
    case conditional(TemplateExpression, if: TemplateExpression, else: TemplateExpression?)
  }
}

extension TemplateExpression.Form {
  /// The expressions right inside this one.
  var children: [TemplateExpression] {
    switch self {
    case .none, .bool, .int, .double, .string, .name: []
    case .list(let elements), .tuple(let elements): elements
    case .dictionary(let entries): entries.flatMap { [$0.key, $0.value] }
    case .attribute(let owner, _): [owner]
    case .item(let owner, let index): [owner, index]
    case .slice(let owner, let from, let to, let step):
      [owner] + [from, to, step].compactMap { $0 }
    case .call(let owner, let arguments), .filter(let owner, _, let arguments),
      .test(let owner, _, let arguments, _):
      [owner] + arguments.plain + arguments.named.map(\.value)
    case .not(let value), .negative(let value), .positive(let value): [value]
    case .and(let left, let right), .or(let left, let right), .arithmetic(_, let left, let right):
      [left, right]
    case .compare(let first, let others): [first] + others.map(\.to)
    case .conditional(let value, let condition, let otherwise):
      [value, condition] + [otherwise].compactMap { $0 }
    }
  }
}

/// Stores what a function is called with.
struct TemplateArguments: Sendable {
  var plain: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
}

/// Stores a part of a template: text, something printed, or a statement.
struct TemplateNode: Sendable {
  let line: Int
  let form: Form

  indirect enum Form: Sendable {
    case text(String)
    case print(TemplateExpression)
    case choice([(condition: TemplateExpression, body: [TemplateNode])], otherwise: [TemplateNode])
    case loop(
      names: [String], over: TemplateExpression, where: TemplateExpression?, body: [TemplateNode],
      otherwise: [TemplateNode])
    /// `{% set a, b = … %}`
    case set(names: [String], value: TemplateExpression)
    /// `{% set space.name = … %}`
    case setMember(of: String, name: String, value: TemplateExpression)
    /// `{% set a %} … {% endset %}`
    case setBlock(name: String, body: [TemplateNode])
    case macro(
      name: String, parameters: [(name: String, standard: TemplateExpression?)],
      body: [TemplateNode])
    case leave
    case next
    /// `{% generation %}`: marks what the assistant said, and changes nothing.
    case group([TemplateNode])
  }
}

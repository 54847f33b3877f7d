/// Stores an expression and the line it stands on.
struct TemplateExpression: Sendable {
  let line: Int
  let form: Form

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

public import Bytes
import Corpus
import Foundation

/// Writes with a model behind an HTTP service that speaks /v1/chat/completions.
///
/// Until names can be taken out of texts, it sends to this machine alone, unless the user agrees.
public struct OpenAITeacher: Teacher {
  /// What a reply depends on.
  public struct Settings: Sendable {
    public var model: String
    /// The user's profile in words.
    public var profile: String
    /// How many samples are asked for in one request.
    public var samplesPerRequest = 2
    public var temperature = 0.9
    public var topP = 1.0
    public var maximumTokens = 2048
    public var seed: UInt64 = 0

    public init(model: String, profile: String) {
      self.model = model
      self.profile = profile
    }
  }

  private let endpoint: Endpoint
  private let settings: Settings
  private let consent: Bool
  private let client: ChatClient

  public init(
    endpoint: Endpoint, key: String?, consent: Bool, settings: Settings,
    delivery: Delivery = Delivery()
  ) {
    self.endpoint = endpoint
    self.settings = settings
    self.consent = consent
    client = ChatClient(endpoint: endpoint, key: key, delivery: delivery)
  }

  public var name: String { settings.model }
  public var batchSize: Int { 4 * client.delivery.concurrency }

  public func check(_ assignments: [Assignment]) throws {
    guard !endpoint.isLoopback, !consent else { return }
    let records = assignments.flatMap { $0.examples + [$0.subject] }
    var sizes: [String: Int] = [:]
    for record in records {
      let rendering = Rendering(record)
      sizes[record.id] = rendering.prompt.count + rendering.completion.count
    }
    throw TeacherError.consent(
      host: endpoint.host, requests: assignments.count, records: sizes.count,
      characters: sizes.values.reduce(0, +))
  }

  public func request(for assignment: Assignment) -> JSON {
    var random = SeededRandom(seed: settings.seed, purpose: "request \(assignment.number)")
    return [
      "endpoint": .string(endpoint.chat.absoluteString),
      "body": [
        "model": .string(settings.model),
        "messages": ChatWording.messages(
          for: assignment, profile: settings.profile, count: settings.samplesPerRequest),
        "temperature": .double(settings.temperature), "top_p": .double(settings.topP),
        "max_tokens": .int(settings.maximumTokens),
        "seed": .int(Int(random.next() >> 33)),
      ],
    ]
  }

  public func answer(
    _ batch: [TeacherRequest], missing: [Int],
    keep: @escaping @Sendable (_ place: Int, _ reply: String) throws -> Void
  ) async throws {
    // Checked here again: whatever calls this, nothing leaves the machine without consent.
    guard endpoint.isLoopback || consent else {
      throw TeacherError.consent(
        host: endpoint.host, requests: missing.count, records: 0, characters: 0)
    }
    try await withThrowingTaskGroup(of: (Int, String).self) { group in
      var waiting = missing[...]
      func start(_ place: Int) {
        let body = batch[place].content["body"]?.bytes ?? []
        group.addTask { (place, try await client.post(body)) }
      }
      for place in waiting.prefix(client.delivery.concurrency) { start(place) }
      waiting = waiting.dropFirst(client.delivery.concurrency)
      while let (place, reply) = try await group.next() {
        try keep(place, reply)
        if let next = waiting.popFirst() { start(next) }
      }
    }
  }

  public func drafts(in reply: String, for assignment: Assignment) -> [Draft]? {
    ChatWording.drafts(in: reply, isTask: assignment.isTask)
  }
}

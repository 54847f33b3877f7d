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
    guard client.isKeyUsable else { throw TeacherError.key }
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
    // Requests under way are never given up: they are paid for, and their replies are kept.
    let failure = await withTaskGroup(
      of: (Int, Result<String, any Error>).self, returning: (any Error)?.self
    ) { group in
      var waiting = missing[...]
      var failure: (any Error)?
      func startNext() {
        guard failure == nil, let place = waiting.popFirst() else { return }
        let body = batch[place].content["body"]?.bytes ?? []
        group.addTask {
          do { return (place, .success(try await client.post(body))) } catch {
            return (place, .failure(error))
          }
        }
      }
      for _ in 0..<client.delivery.concurrency { startNext() }
      while let (place, reply) = await group.next() {
        do {
          try keep(place, reply.get())
        } catch {
          failure = failure ?? error
          // Ends pauses: what failed for one is not tried again for the others.
          group.cancelAll()
        }
        startNext()
      }
      return failure
    }
    if let failure { throw failure }
  }

  public func drafts(in reply: String, for assignment: Assignment) -> [Draft]? {
    ChatWording.drafts(in: reply, isTask: assignment.isTask)
      .map { Array($0.prefix(settings.samplesPerRequest)) }
  }
}

import Augmentation
import Bytes
import Corpus
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite(.timeLimit(.minutes(1)))
struct OpenAITeacherTests {
  private let plan = AssignmentPlan.make(
    LocalTeacherTests.history, count: 6, examples: 2, seed: 1)

  /// The body of an answer that holds a model's words.
  static func reply(_ content: String) -> ChatServer.Answer {
    let body: JSON = ["choices": [["message": ["role": "assistant", "content": .string(content)]]]]
    return ChatServer.Answer(body: body.text)
  }

  static func texts(_ texts: [String]) -> String {
    JSON.object(["samples": .array(texts.map { ["text": .string($0)] })]).text
  }

  private func teacher(
    _ address: String, consent: Bool = false, key: String? = nil, delivery: Delivery? = nil
  ) throws -> OpenAITeacher {
    var settings = OpenAITeacher.Settings(model: "m", profile: "Writes plainly.")
    settings.seed = 5
    return OpenAITeacher(
      endpoint: try Endpoint(address), key: key, consent: consent, settings: settings,
      delivery: delivery ?? Delivery(concurrency: 2, timeout: 5, retries: 3, pause: 0.01))
  }

  @Test func `samples come back with their origin, and nothing is asked twice`() async throws {
    let server = try ChatServer { number, _ in
      Self.reply(Self.texts(["First of \(number).", "Second of \(number)."]))
    }
    let replies = MemoryReplies()
    let teacher = try teacher(server.address, key: "secret-key")
    let lesson = try await Lesson(plan, teacher: teacher, replies: replies)
    #expect(lesson.samples.count == 12)
    #expect(lesson.unreadable == 0)
    #expect(lesson.samples[0].origin.teacher == "m")
    #expect(Set(lesson.samples.map(\.id)).count == 12)
    #expect(server.requests.count == 6)
    let request = try #require(server.requests.first)
    #expect(request.head.hasPrefix("POST /v1/chat/completions "))
    #expect(request.head.lowercased().contains("authorization: bearer secret-key"))
    let body = try JSON(parsing: request.body)
    #expect(body["model"]?.stringValue == "m")
    #expect(body["messages"]?.arrayValue?.count == 2)
    #expect(request.body.contains("Writes plainly."))
    #expect(!lesson.requests.contains { $0.content.text.contains("secret-key") })

    let again = try await Lesson(plan, teacher: teacher, replies: replies)
    #expect(again.asked == 0)
    #expect(again.samples == lesson.samples)
    #expect(server.requests.count == 6)
  }

  @Test func `equal requests are different draws`() async throws {
    let server = try ChatServer { number, _ in Self.reply(Self.texts(["Text \(number)."])) }
    let twice = [plan[0], plan[0]]
    let lesson = try await Lesson(
      twice, teacher: teacher(server.address), replies: MemoryReplies())
    #expect(lesson.requests.map(\.draw) == [0, 1])
    #expect(lesson.requests[0].digest == lesson.requests[1].digest)
    #expect(lesson.samples.count == 2)
    #expect(lesson.samples[0].completion != lesson.samples[1].completion)
  }

  @Test func `rate limits and server errors are waited out`() async throws {
    let server = try ChatServer { number, _ in
      switch number {
      case 0: ChatServer.Answer(status: 429, headers: ["Retry-After: 0"])
      case 1: ChatServer.Answer(status: 503)
      default: Self.reply(Self.texts(["A text."]))
      }
    }
    let lesson = try await Lesson(
      [plan[0]], teacher: teacher(server.address), replies: MemoryReplies())
    #expect(lesson.samples.map(\.completion) == ["A text."])
    #expect(server.requests.count == 3)
  }

  @Test func `a lasting rate limit keeps what there is and can be resumed`() async throws {
    let server = try ChatServer { number, _ in
      number < 3 ? Self.reply(Self.texts(["Text \(number)."])) : ChatServer.Answer(status: 429)
    }
    let replies = MemoryReplies()
    let delivery = Delivery(concurrency: 1, timeout: 5, retries: 1, pause: 0.01)
    await #expect(
      throws: TeacherError.unavailable(host: "127.0.0.1", attempts: 2, last: "status 429")
    ) {
      try await Lesson(plan, teacher: teacher(server.address, delivery: delivery), replies: replies)
    }
    #expect(replies.count == 3)
    #expect(server.requests.count == 5)
  }

  @Test func `a refusal is final and named`() async throws {
    let server = try ChatServer { _, _ in
      ChatServer.Answer(status: 401, body: "{\"error\":\n \"no key\"}")
    }
    let error = await #expect(throws: TeacherError.self) {
      try await Lesson([plan[0]], teacher: teacher(server.address), replies: MemoryReplies())
    }
    #expect(
      error == .refused(host: "127.0.0.1", status: 401, answer: "{\"error\": \"no key\"}"))
    #expect(error?.description.contains("OPENAI_API_KEY") == true)
    #expect(server.requests.count == 1)
  }

  @Test(arguments: [401, 403, 0])
  func `what refuses all of many requests ends all of them`(status: Int) async throws {
    let server = try ChatServer { _, _ in
      ChatServer.Answer(
        status: status, headers: ["WWW-Authenticate: Basic realm=\"x\""], body: "{}")
    }
    let many = AssignmentPlan.make(LocalTeacherTests.history, count: 24, examples: 2, seed: 1)
    let delivery = Delivery(concurrency: 8, timeout: 5, retries: 1, pause: 0.01)
    for _ in 0..<20 {
      let teacher = try teacher(
        status == 0 ? "http://127.0.0.1:1/v1" : server.address, delivery: delivery)
      let error = await #expect(throws: TeacherError.self) {
        try await Lesson(many, teacher: teacher, replies: MemoryReplies())
      }
      #expect(
        error
          == (status == 0
            ? .unavailable(host: "127.0.0.1", attempts: 2, last: "the connection failed")
            : .refused(host: "127.0.0.1", status: status, answer: "{}")))
    }
  }

  @Test func `replies that are under way when another fails are kept`() async throws {
    let server = try ChatServer { number, _ in
      if number == 0 { return ChatServer.Answer(status: 400) }
      usleep(300_000)
      return Self.reply(Self.texts(["Text."]))
    }
    let replies = MemoryReplies()
    await #expect(throws: TeacherError.self) {
      try await Lesson(plan, teacher: teacher(server.address), replies: replies)
    }
    #expect(replies.count == 1 && server.requests.count == 2)
  }

  @Test(arguments: [
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "3;x=y\r\n{\"c\r\n0c\r\nhoices\":[{\"m\r\n1b\r\nessage\":{\"content\":\"[1,\\\"A.\r\n8"
      + "\r\n\\\"]\"}}]}\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.0 200 OK\nServer: x\n\n{\"choices\":[{\"message\":{\"content\":\"[\\\"A.\\\"]\"}}]}",
  ])
  func `answers in pieces and without a length are read`(raw: String) async throws {
    let server = try ChatServer { _, _ in ChatServer.Answer(raw: raw, pause: 100) }
    let lesson = try await Lesson(
      [plan[0]], teacher: teacher(server.address), replies: MemoryReplies())
    #expect(lesson.samples.map(\.completion) == ["A."])
  }

  @Test func `answers that drip, break off or never end are given up`() async throws {
    let head = "HTTP/1.1 200 OK\r\n"
    let endless = String(repeating: " ", count: 17 << 20)
    let cases: [(ChatServer.Answer, String)] = [
      (ChatServer.Answer(body: endless, pause: 50_000), "no answer in 0.4 seconds"),
      (ChatServer.Answer(raw: head + "Content-Length: 50\r\n\r\n{"), "the connection failed"),
      (ChatServer.Answer(raw: "SSH-2.0\r\n"), "the connection failed"),
      (ChatServer.Answer(raw: head + "\r\n" + endless), "an answer of more than 16 MiB"),
      (
        ChatServer.Answer(raw: head + "Content-Length: 1000000000000\r\n\r\n "),
        "an answer of more than 16 MiB"
      ),
    ]
    for (answer, last) in cases {
      let server = try ChatServer { _, _ in answer }
      let delivery = Delivery(
        concurrency: 1, timeout: answer.pause > 0 ? 0.4 : 20, retries: 0, pause: 0)
      await #expect(
        throws: TeacherError.unavailable(host: "127.0.0.1", attempts: 1, last: last)
      ) {
        try await Lesson(
          [plan[0]], teacher: teacher(server.address, delivery: delivery), replies: MemoryReplies())
      }
    }
  }

  @Test func `no more samples are taken than were asked for`() async throws {
    let server = try ChatServer { _, _ in Self.reply(Self.texts((0..<500).map { "Text \($0)." })) }
    let lesson = try await Lesson(
      [plan[0]], teacher: teacher(server.address), replies: MemoryReplies())
    #expect(lesson.samples.map(\.completion) == ["Text 0.", "Text 1."])
  }

  @Test func `silence and closed ports end in words`() async throws {
    let server = try ChatServer(delay: 2_000_000) { _, _ in ChatServer.Answer() }
    let delivery = Delivery(concurrency: 1, timeout: 0.3, retries: 0, pause: 0)
    let silent = await #expect(throws: TeacherError.self) {
      try await Lesson(
        [plan[0]], teacher: teacher(server.address, delivery: delivery), replies: MemoryReplies())
    }
    #expect(silent?.description.contains("after 1 attempt") == true)
    let closed = await #expect(throws: TeacherError.self) {
      try await Lesson(
        [plan[0]], teacher: teacher("http://127.0.0.1:1/v1", delivery: delivery),
        replies: MemoryReplies())
    }
    #expect(
      closed == .unavailable(host: "127.0.0.1", attempts: 1, last: "the connection failed"))
  }

  @Test func `no more requests than allowed are under way`() async throws {
    let server = try ChatServer(delay: 30_000) { _, _ in Self.reply(Self.texts(["A text."])) }
    _ = try await Lesson(plan, teacher: teacher(server.address), replies: MemoryReplies())
    #expect(server.requests.count == 6)
    #expect(server.mostAtOnce <= 2)
  }

  @Test(arguments: [
    "Sure! Here you go:\n```json\n{\"samples\": [{\"text\": \"A.\"}, {\"text\": \"B.\"}]}\n```",
    "[\"A.\", {\"text\": \"B.\"}, {\"other\": 1}]",
    "<think>{hm}</think>{\"texts\": [\"A.\", \"B.\"]}",
    "{\"text\": \"A.\"}\n{\"text\": \"B.\"}",
  ])
  func `replies are read tolerantly`(content: String) async throws {
    let server = try ChatServer { _, _ in Self.reply(content) }
    let lesson = try await Lesson(
      [plan[0]], teacher: teacher(server.address), replies: MemoryReplies())
    #expect(lesson.samples.map(\.completion) == ["A.", "B."])
  }

  @Test func `replies without JSON are counted and not fatal`() async throws {
    let bodies = ["I cannot help with that.", "{\"samples\": [{\"te", "{}"]
    let server = try ChatServer { number, _ in
      switch number {
      case 0..<3: Self.reply(bodies[number])
      default: Self.reply(Self.texts(["A text."]))
      }
    }
    let replies = MemoryReplies()
    let lesson = try await Lesson(plan, teacher: teacher(server.address), replies: replies)
    #expect(lesson.unreadable == 3)
    #expect(lesson.samples.count == 3)
    #expect(replies.count == 6)
  }

  @Test func `an answer that is no completion is asked for again, and not kept`() async throws {
    let bodies = ["{\"error\": {\"message\": \"model is loading\"}}", "<html>"]
    let server = try ChatServer { number, _ in
      number < 2 ? ChatServer.Answer(body: bodies[number]) : Self.reply(Self.texts(["A text."]))
    }
    let replies = MemoryReplies()
    let lesson = try await Lesson([plan[0]], teacher: teacher(server.address), replies: replies)
    #expect(lesson.samples.count == 1 && replies.count == 1 && server.requests.count == 3)
    let never = try ChatServer { _, _ in ChatServer.Answer(body: bodies[0]) }
    let error = await #expect(throws: TeacherError.self) {
      try await Lesson([plan[1]], teacher: teacher(never.address), replies: replies)
    }
    #expect(error?.description.contains("model is loading") == true)
    #expect(replies.count == 1)
  }

  @Test func `a key that a service quotes is not passed on`() async throws {
    let server = try ChatServer { _, request in
      ChatServer.Answer(status: 401, body: "Incorrect key: \(request.head)")
    }
    let error = await #expect(throws: TeacherError.self) {
      try await Lesson(
        [plan[0]], teacher: teacher(server.address, key: "sk-secret"), replies: MemoryReplies())
    }
    #expect(error?.description.contains("Incorrect key") == true)
    #expect(error?.description.contains("sk-secret") == false)
  }

  @Test func `a key that a reply quotes is not kept`() async throws {
    let server = try ChatServer { _, request in
      Self.reply(
        Self.texts(["The key is \(request.head.contains("sk-0123456789"))", "sk-0123456789"]))
    }
    let lesson = try await Lesson(
      [plan[0]], teacher: teacher(server.address, key: " sk-0123456789\r\n"),
      replies: MemoryReplies())
    #expect(lesson.samples.map(\.completion) == ["The key is true", "…"])
  }

  @Test func `a key that no header can hold is refused before anything is sent`() async throws {
    let server = try ChatServer { _, _ in Self.reply(Self.texts(["A text."])) }
    await #expect(throws: TeacherError.key) {
      try await Lesson(
        plan, teacher: teacher(server.address, key: "sk-a\r\nX: y"), replies: MemoryReplies())
    }
    #expect(server.requests.isEmpty)
  }

  @Test func `tasks ask for pairs`() async throws {
    let history = (0..<4).map {
      Record(id: "t\($0)", text: "Abstract \($0).", title: "Title \($0)", task: "LaMP_5")
    }
    let server = try ChatServer { _, _ in
      Self.reply("{\"samples\":[{\"input\":\"New abstract.\",\"output\":\"New title\"},{\"x\":1}]}")
    }
    let lesson = try await Lesson(
      AssignmentPlan.make(history, count: 1, examples: 2, seed: 3),
      teacher: teacher(server.address), replies: MemoryReplies())
    #expect(lesson.samples.map(\.prompt) == ["New abstract.\n"])
    #expect(lesson.samples.map(\.completion) == ["New title"])
    #expect(server.requests[0].body.contains("output: Title"))
  }

  @Test func `nothing leaves the machine without consent`() async throws {
    for address in [
      "http://192.0.2.1/v1", "https://api.example.com/v1", "http://127.0.0.1.example.com",
    ] {
      let error = await #expect(throws: TeacherError.self) {
        try await Lesson(plan, teacher: teacher(address), replies: MemoryReplies())
      }
      let words = error?.description ?? ""
      #expect(words.contains("nothing was sent"))
      #expect(words.contains("consent=true"))
      #expect(words.contains("6 requests"))
    }
    // What is told is what would go: questions and answers, not texts alone.
    let pairs = (0..<4).map {
      Record(
        id: "p\($0)", text: "Q\($0)", input: "Q\($0)", output: String(repeating: "a", count: 98))
    }
    let told = await #expect(throws: TeacherError.self) {
      try await Lesson(
        AssignmentPlan.make(pairs, count: 2, examples: 3, seed: 1),
        teacher: teacher("https://api.example.com/v1"), replies: MemoryReplies())
    }
    if case .consent(_, _, let records, let characters)? = told {
      #expect(characters >= 100 * records)
    } else {
      Issue.record("\(String(describing: told))")
    }
    // With consent it tries.
    let delivery = Delivery(concurrency: 1, timeout: 1, retries: 0, pause: 0)
    let tried = await #expect(throws: TeacherError.self) {
      try await Lesson(
        [plan[0]], teacher: teacher("http://0.0.0.0:1/v1", consent: true, delivery: delivery),
        replies: MemoryReplies())
    }
    #expect(tried?.description.contains("no answer") == true)
  }

  @Test func `a cap below what is handed over at once is used up, and then told of`() async throws {
    let server = try ChatServer { number, _ in Self.reply(Self.texts(["Text \(number)."])) }
    let replies = MemoryReplies()
    let teacher = try teacher(server.address)
    for asked in [4, 6] {
      let isLast = asked == 6
      let run = { try await Lesson(self.plan, teacher: teacher, replies: replies, cap: 4) }
      if isLast {
        #expect(try await run().asked == 2)
      } else {
        await #expect(throws: TeacherError.cap(4, remaining: 2)) { try await run() }
      }
      #expect(server.requests.count == asked && replies.count == asked)
    }
  }

  @Test func `a redirection is not followed`() async throws {
    let other = try ChatServer { _, _ in Self.reply(Self.texts(["Stolen."])) }
    let target = "\(other.address)/chat/completions"
    let server = try ChatServer { _, _ in
      ChatServer.Answer(status: 307, headers: ["Location: \(target)"])
    }
    await #expect(throws: TeacherError.self) {
      try await Lesson([plan[0]], teacher: teacher(server.address), replies: MemoryReplies())
    }
    #expect(other.requests.isEmpty)
  }

  @Test func `an address keeps its query, and its scheme may be in capitals`() async throws {
    let server = try ChatServer { _, _ in Self.reply(Self.texts(["A text."])) }
    let address = server.address.replacing("http", with: "HTTP") + "/?api-version=1"
    _ = try await Lesson([plan[0]], teacher: teacher(address), replies: MemoryReplies())
    #expect(
      server.requests.first?.head.hasPrefix("POST /v1/chat/completions?api-version=1 HTTP/1.1")
        == true)
    #expect(throws: TeacherError.secretInAddress("…?API-Key=…")) {
      try Endpoint("https://example.com/v1?API-Key=sk-1")
    }
  }
}

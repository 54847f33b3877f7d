import Bytes
import ObjectStore
import TestKit
import Testing

@Suite struct ReplyTests {
  let home: TemporaryStore
  var replies: ReplyStore { home.store.replies }
  let request = Digest(of: "a request")

  init() throws { home = try TemporaryStore() }

  var place: String {
    "\(home.path)/replies/\(request.hex.prefix(2))/\(request.hex.dropFirst(2))-3.json"
  }

  @Test func `A reply is found by request and draw, as JSON on disk`() throws {
    #expect(try replies.get(request: request, draw: 3) == nil)
    let reply = Array("Dear \"you\",\n\u{1} ünd 😀".utf8)
    #expect(try replies.put(request: request, draw: 3, reply) == reply)
    #expect(try replies.get(request: request, draw: 3) == reply)
    #expect(try replies.get(request: request, draw: 4) == nil)
    #expect(try replies.get(request: Digest(of: "b"), draw: 3) == nil)
    let record = try JSON(parsing: Files.read(place))
    #expect(record["reply"]?.stringValue.map { Array($0.utf8) } == reply)
    #expect(record["request"]?.stringValue == request.description)
  }

  @Test func `The first reply stays, and is the one to use`() throws {
    try replies.put(request: request, draw: 3, Array("first".utf8))
    #expect(try replies.put(request: request, draw: 3, Array("second".utf8)) == Array("first".utf8))
    #expect(try replies.get(request: request, draw: 3) == Array("first".utf8))
    #expect(Files.names(home.path + "/tmp") == [])
  }

  @Test func `A damaged reply is put away, and can be asked for anew`() throws {
    try replies.put(request: request, draw: 3, Array("first".utf8))
    let text = try Files.text(place).replacing("first", with: "worst")
    try Files.replace(place, Array(text.utf8))
    #expect(throws: StoreError.damagedReply(request: request, draw: 3)) {
      try replies.get(request: request, draw: 3)
    }
    #expect(try replies.get(request: request, draw: 3) == nil)
    #expect(Files.names(home.path + "/quarantine").count == 1)
    try replies.put(request: request, draw: 3, Array("again".utf8))
    try Files.replace(place, [])
    #expect(try replies.put(request: request, draw: 3, Array("third".utf8)) == Array("third".utf8))
  }

  @Test func `Replies to a request are removed, those to others stay`() throws {
    for draw in [3, 4] { try replies.put(request: request, draw: draw, Array("x".utf8)) }
    try replies.put(request: Digest(of: "b"), draw: 3, Array("y".utf8))
    try replies.remove(request: request)
    #expect(try replies.get(request: request, draw: 3) == nil)
    #expect(try replies.get(request: request, draw: 4) == nil)
    #expect(try replies.get(request: Digest(of: "b"), draw: 3) == Array("y".utf8))
  }

  @Test func `A reply that is no text is refused`() {
    #expect(throws: StoreError.replyNotText(request: request, draw: 0)) {
      try replies.put(request: request, draw: 0, [0xff])
    }
  }
}

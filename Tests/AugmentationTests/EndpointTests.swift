import Augmentation
import Testing

struct EndpointTests {
  @Test(arguments: [
    ("http://localhost:1234/v1/", true), ("http://127.8.9.1", true), ("http://[::1]:80/v1", true),
    ("http://127.0.0.1.evil.org/v1", false), ("http://10.0.0.1/v1", false),
    ("https://0.0.0.0/v1", false), ("http://127.1/v1", false),
  ])
  func `loopback is told from the rest`(address: String, expected: Bool) throws {
    #expect(try Endpoint(address).isLoopback == expected)
  }

  @Test(arguments: ["", "localhost", "ftp://127.0.0.1", "http://"])
  func `what is no address is refused`(address: String) {
    #expect(throws: TeacherError.address(address)) { try Endpoint(address) }
  }

  @Test func `a password in an address is refused without repeating it`() {
    #expect(throws: TeacherError.secretInAddress("…@127.0.0.1/v1")) {
      try Endpoint("http://user:pw@127.0.0.1/v1")
    }
  }
}

import Formats
import Models
import Testing

/// The architectures beyond `ReferenceTests`, which computes all that the network does.
@Suite struct ArchitectureReferenceTests {
  @Test(arguments: Reference.pending)
  func `what the network does not compute is refused`(name: String) {
    #expect(throws: FormatError.self) { try Reference(name) }
  }
}

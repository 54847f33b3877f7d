public import Bytes

/// Stores that an object was found damaged: which, in which way and when.
public struct DamageRecord: Sendable, Equatable {
  public var object: Digest
  /// In words.
  public var why: String
  public var time: Timestamp

  public init(object: Digest, why: String, time: Timestamp) {
    self.object = object
    self.why = why
    self.time = time
  }

  /// Reads a line of the journal; nil if it is none of these.
  public init?(_ json: JSON) {
    guard let object = json["object"]?.stringValue.flatMap({ Digest($0) }) else { return nil }
    self.init(
      object: object, why: json["why"]?.stringValue ?? "",
      time: json["time"]?.stringValue.flatMap { Timestamp($0) } ?? Timestamp(milliseconds: 0))
  }

  /// The record as a line of the journal.
  public var json: JSON {
    [
      "type": "damaged", "object": .string(object.description), "why": .string(why),
      "time": .string(time.description),
    ]
  }
}

import Augmentation
import Bytes
import ObjectStore

/// Keeps replies in the store.
struct KeptReplies: ReplyKeeping {
  let store: ReplyStore

  /// A damaged reply is in quarantine by then, and is asked for again.
  func reply(to request: Digest, draw: Int) throws -> String? {
    let kept = Result { () throws(StoreError) in
      try store.get(request: request, draw: draw)
    }
    switch kept {
    case .success(let bytes): return bytes.map { String(decoding: $0, as: UTF8.self) }
    case .failure(.damagedReply): return nil
    case .failure(let error): throw error
    }
  }

  func keep(_ reply: String, to request: Digest, draw: Int) throws {
    try store.put(request: request, draw: draw, Array(reply.utf8))
  }
}

import ActionCache
import Bytes
import ObjectStore
import TestKit

/// Owns a store as a build leaves it: one user with a bundle.
struct Personalised {
  let temporary: TemporaryStore
  let cache: ActionCache
  let bundle: Digest

  static let continuations = """
    ## notes/2.md

    > It rained on Monday …

    **as written**

    > and on Tuesday.
    > 
    > ## Then it stopped.

    **base**

    > and the king said

    **real**

    > and the hens

    **personal**

    > and the hens were wet

    ## notes/3.md

    > Another …

    **as written**

    > one

    """

  init() throws {
    temporary = try TemporaryStore()
    let store = temporary.store
    cache = try ActionCache(store)
    let manifest: JSON = [
      "format": "plm-bundle 1",
      "records": ["records": 60, "split": ["history": 45, "validation": 7, "test": 8]],
      "samples": ["samples": 40, "accepted": 31],
      "metrics": [
        "arms": [
          "base": ["loss": 4.25], "real": ["loss": 3.9996], "personal": ["loss": 3.5],
          "shipped": ["loss": 3.5012],
        ]
      ],
    ]
    let files = try ["manifest.json": manifest.bytes, "adapter/a.txt": Array("weights".utf8)].map {
      TreeEntry(path: $0, digest: try store.put($1), size: $1.count)
    }
    bundle = try store.put(tree: files)
    let metrics = try store.put(manifest.bytes)
    try cache.record([
      .action(
        Self.record(
          "evaluate", [:],
          [
            "metrics": metrics, "continuations": try store.put(Array(Self.continuations.utf8)),
          ])),
      .action(Self.record("package", ["metrics": metrics], ["bundle": bundle])),
    ])
  }

  private static func record(
    _ stage: String, _ inputs: [String: Digest], _ outputs: [String: Digest]
  ) -> ActionRecord {
    ActionRecord(
      key: Digest(of: stage), node: stage, user: "an/na", stage: stage, version: 1, parameters: [:],
      inputs: inputs, outputs: outputs, start: Timestamp(milliseconds: 1),
      end: Timestamp(milliseconds: 2), host: "here")
  }
}

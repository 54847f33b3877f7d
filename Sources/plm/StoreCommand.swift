import ActionCache
import ArgumentParser
import Bytes
import Foundation
import Graph
import ObjectStore

struct StoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store", abstract: "Looks after the store.",
    subcommands: [Stats.self, Verify.self, Clean.self])

  struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "stats", abstract: "Says how much there is of what.")

    @OptionGroup var common: CommonOptions

    mutating func run() throws {
      let cache = try common.openCache()
      let objects = try cache.store.digests(matching: "")
      var (files, trees, bytes) = (0, 0, 0)
      for object in objects {
        if cache.store.kind(of: object) == .tree { trees += 1 } else { files += 1 }
        bytes += cache.store.storedSize(of: object) ?? 0
      }
      let counts = try cache.counts()
      let users = Set(try cache.places().compactMap(\.user)).count
      let facts: [(String, Int)] = [
        ("users", users), ("files", files), ("trees", trees), ("bytes", bytes),
        ("actions", counts.actions), ("failures", counts.failures), ("builds", counts.builds),
        ("damaged", counts.damaged),
        ("torn_lines", counts.passedOver),
      ]
      if common.json {
        var json = Dictionary(uniqueKeysWithValues: facts.map { ($0.0, JSON.int($0.1)) })
        json["path"] = .string(cache.store.path)
        Terminal.write(.object(json))
      } else {
        Terminal.write("\(cache.store.path)\n")
        Terminal.write(
          Terminal.table(
            facts.map { name, value in
              let words = name.replacingOccurrences(of: "_", with: " ")
              return ["  " + words, name == "bytes" ? Terminal.size(value) : String(value)]
            }))
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Hashes every object; puts damaged ones into quarantine.",
      discussion: "What was damaged is made again by the next plm build. Exits with 3 if any was.")

    @OptionGroup var common: CommonOptions

    mutating func run() throws {
      let cache = try common.openCache()
      let objects = try cache.store.digests(matching: "")
      var damaged: [(Digest, String)] = []
      for object in objects {
        do throws(StoreError) {
          try cache.store.verify(object)
        } catch {
          guard error.objectToRebuild != nil else { throw error }
          damaged.append((object, "\(error)"))
        }
      }
      // A store that cannot be written to can still be checked.
      try? cache.record(
        cache.store.takeDamaged().map {
          .damaged(DamageRecord(object: $0.digest, why: "\($0.damage)", time: .now))
        })
      let missing = try cache.current().flatMap { record in
        try record.outputs.sorted { $0.key < $1.key }.filter { _, digest in
          guard !damaged.contains(where: { $0.0 == digest }) else { return false }
          return try !cache.store.absent(from: digest).allSatisfy { absent in
            damaged.contains { $0.0 == absent }
          }
        }.map { name, digest in
          ("\(UserName.target(user: record.user, node: record.node)).\(name)", digest)
        }
      }
      if common.json {
        Terminal.write(
          [
            "objects": .int(objects.count),
            "damaged": .array(damaged.map { .string($0.0.description) }),
            "missing": .array(
              missing.map { ["target": .string($0.0), "digest": .string($0.1.description)] }),
          ] as JSON)
      } else {
        for (_, words) in damaged { Terminal.write("\(words)\n") }
        for (target, digest) in missing { Terminal.write("\(target) is missing: \(digest)\n") }
        Terminal.write(
          "\(objects.count) objects, \(damaged.count) damaged, \(missing.count) outputs missing\n")
        if !damaged.isEmpty || !missing.isEmpty {
          Terminal.write(
            "plm build makes again what it can; for users who are off the list, put them back first\n"
          )
        }
      }
      if !damaged.isEmpty || !missing.isEmpty { throw ExitCode(Ending.damaged) }
    }
  }
}

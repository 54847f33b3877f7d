import Bytes
import Foundation
import TestKit
import Testing

/// From a person's notes to bundles that run: the store's, exported ones, moved ones, served ones.
@Suite(.serialized) struct RunningTests {
  @Test func `the version names the format of stores and the kernels in use`() throws {
    let told = try Program.run(
      Workshop.executable(), ["--version"], environment: ["PLM_KERNELS": "scalar"])
    #expect(told.exitCode == 0 && told.output.hasSuffix(", plm-store 1, scalar kernels\n"))
  }

  @Test func `a bundle runs from the store, from a folder, from another folder and by HTTP`() throws
  {
    let person = try PersonalPipeline()
    for name in Files.names(person.folder("users/ada")) {
      let text = try Files.text(person.folder("users/ada/" + name))
      try Files.write(
        text.replacing("Looked after", with: "Bea kept"),
        to: person.folder("users/bea/\(name)"))
    }
    let outcomes = try person.build([
      "--set", "package.layout=adapter", "--set", "package.gate=false",
    ])
    #expect(outcomes["ada/package"]?.status == "ran")
    let plm = try Workshop.executable()
    func command(_ arguments: [String]) throws -> ProgramResult {
      try Program.run(plm, arguments, in: person.folder.path)
    }
    let store = ["--store", person.folder("store")]
    let how = ["--tokens", "12", "--temperature", "0"]
    let run = try command(["run", "ada", "Looked after the"] + store + how)
    #expect(run.exitCode == 0 && !run.output.isEmpty, "\(run.errors)")
    let results = try person.run("results", ["--export", person.folder("bundles")])
    #expect(results.exitCode == 0, "\(results.errors)")
    let names = Files.names(person.folder("bundles")).sorted()
    #expect(names.count == 3 && names.contains("ada") && names.contains("bea"))

    // Somewhere else, and nothing of the store left to look at.
    try FileManager.default.moveItem(
      atPath: person.folder("bundles"), toPath: person.folder("moved"))
    let moved = try command(
      ["run", "--bundle", person.folder("moved/ada"), "Looked after the"] + how)
    #expect(moved.output == run.output, "\(moved.errors)")
    let long = String(repeating: "long ", count: 5000)
    let chat = try Program.run(
      plm, ["chat", "--bundle", person.folder("moved/ada"), "--json"] + how,
      input: "Looked after the\n/retrieval on\n\(long)\nThen\n/end\n", in: person.folder.path)
    #expect(chat.exitCode == 0 && chat.errors.contains("this line is too long"), "\(chat.errors)")
    let lines = chat.output.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
    #expect(lines.count == 2 && lines[0]["text"]?.stringValue == run.output, "\(chat.errors)")

    let info = try JSON(
      parsing: command(["bundle", "info", person.folder("moved/ada"), "--json"]).output)
    #expect(info["ships"] == "personal" && info["layout"] == "adapter")
    #expect((info["bytes"]?.intValue ?? .max) < (info["base_bytes"]?.intValue ?? 0))
    #expect(try command(["bundle", "verify", person.folder("moved/ada")]).exitCode == 0)

    let speed = try command(
      ["bench", person.folder("moved/ada"), "--prompt", "8", "--generated", "4", "--json"])
    let measured = try JSON(parsing: speed.output)
    #expect(measured["prompt_tokens_per_second"]?.doubleValue ?? 0 > 0, "\(speed.errors)")
    #expect(measured["generated_tokens_per_second"]?.doubleValue ?? 0 > 0)
    let tooLong = try command(["bench", person.folder("moved/ada"), "--prompt", "100000"])
    #expect(tooLong.exitCode == 2 && tooLong.errors.contains("--prompt"))
    let two = try command(["run", "--bundle", "a", "--model", "b", "text"])
    #expect(two.exitCode == 2 && two.errors.contains("exclude"))
    let both = try command(["run", "--model", person.folder("moved/ada"), "--adapter", "b", "text"])
    #expect(both.exitCode == 2 && both.errors.contains("--adapter"))
    let nothing = try command(["run", "--bundle", person.folder("moved/ada"), "a", "--choice", ""])
    #expect(nothing.exitCode == 2 && nothing.errors.contains("--choice"))

    try serve(person, run.output)

    try Files.flipBit(person.folder("moved/ada/adapter/adapter_model.safetensors"), at: 2000)
    let verified = try command(["bundle", "verify", person.folder("moved/ada")])
    #expect(verified.exitCode == 3 && verified.errors.contains("adapter_model.safetensors"))
    let refused = try command(["run", "--bundle", person.folder("moved/ada"), "a"])
    #expect(refused.exitCode == 3 && refused.errors.contains("damaged"))
  }

  @Test func `adapters with magnitudes go all the way to bundles that run`() throws {
    let person = try PersonalPipeline()
    for layout in ["merged", "adapter"] {
      let outcomes = try person.build([
        "ada/package", "--set", "train.dora=true", "--set", "package.gate=false",
        "--set", "package.layout=\(layout)",
      ])
      #expect(outcomes["ada/package"]?.status == "ran")
      let quantized = try #require(outcomes["ada/quantize"]?.outputs)
      #expect(quantized.contains("\"peft\"") && !quantized.contains("\"adapter\""))
      let bundles = person.folder(layout)
      let results = try person.run("results", ["--export", bundles])
      #expect(results.exitCode == 0, "\(results.errors)")
      let plm = try Workshop.executable()
      let verified = try Program.run(plm, ["bundle", "verify", bundles + "/ada"])
      #expect(verified.exitCode == 0, "\(verified.errors)")
      let run = try Program.run(
        plm, ["run", "--bundle", bundles + "/ada", "Looked after the", "--tokens", "8"])
      #expect(run.exitCode == 0 && !run.output.isEmpty, "\(run.errors)")
      let info = try JSON(
        parsing: Program.run(plm, ["bundle", "info", bundles + "/ada", "--json"]).output)
      #expect(info["ships"] == "personal" && info["layout"] == .string(layout))
    }
  }

  private func serve(_ person: PersonalPipeline, _ wanted: String) throws {
    let server = try RunningProgram(
      Workshop.executable(),
      ["serve", "--bundles", person.folder("moved"), "--port", "0", "--json"],
      environment: ["PLM_TOKEN": "secret"])
    var address: JSON = .null
    for _ in 0..<1500 {
      if let json = try? JSON(parsing: server.output), json != .null {
        address = json
        break
      }
      usleep(20_000)
    }
    #expect(address["models"] == ["ada", "bea"])
    let url = try #require(address["url"]?.stringValue.flatMap { URL(string: $0 + "/completions") })
    func ask(_ token: String) throws -> (status: Int, json: JSON) {
      let body: JSON = [
        "model": "ada", "prompt": "Looked after the", "temperature": 0, "max_tokens": 12,
      ]
      let curl = try Program.run(
        "/usr/bin/env",
        [
          "curl", "-s", "-w", "\n%{http_code}", "-H", "Authorization: Bearer \(token)", "-H",
          "Content-Type: application/json", "-d", body.text, url.absoluteString,
        ])
      let lines = curl.output.split(separator: "\n").map(String.init)
      return (lines.last.flatMap { Int($0) } ?? 0, (try? JSON(parsing: lines.first ?? "")) ?? .null)
    }
    #expect(try ask("wrong").status == 401)
    let answer = try ask("secret")
    #expect(answer.json["choices"]?.arrayValue?.first?["text"]?.stringValue == wanted)
    server.kill(SIGTERM)
    #expect(server.wait(seconds: 20).exitCode == 0)
    // What cannot be served as it is asked for is told before anything is.
    let (bundles, ada) = (person.folder("moved"), person.folder("moved/ada"))
    for (more, word) in [
      (["--host", "0.0.0.0"], "PLM_TOKEN"), (["--model", ada], "a user is called ada"),
      (["--model", ada, "--model", ada + "/"], "called ada"), (["--memory", "0"], "--memory"),
    ] {
      let refused = try Program.run(
        Workshop.executable(), ["serve", "--bundles", bundles, "--port", "0"] + more)
      #expect(refused.exitCode == 2 && refused.errors.contains(word), "\(refused.errors)")
    }
  }
}

import Foundation
import Testing

@testable import Command
@testable import Datasets

/// The plans of a file with this text, as if it lay in `jobs/`.
private func plans(_ text: String) throws -> [DatasetPlan] {
  try DatasetPlan.plans(for: PipelineFile(Data(text.utf8), named: "jobs/x.json5"), at: "jobs/x.json5")
}

/// Decodes from whatever the parser takes.
private struct Anything: Decodable {
  init(from decoder: any Decoder) {}
}

/// A file with one dataset of these steps.
private func file(_ steps: String, _ keys: String = "") -> String {
  "{ format: 1, datasets: [{ output: 'out/a', input: ['a.tar'], steps: [\(steps)], \(keys) }] }"
}

/// The recipe of a dataset of these steps, from inputs with these digests.
private func recipe(_ steps: String, inputs: [String] = ["file:1"], tool: String = toolVersion) throws -> Recipe {
  Recipe(try #require(try plans(file(steps)).first), inputs: inputs, tool: tool)
}

@Suite("Pipeline files") struct PipelineFileTests {
  @Test func `values become the words of the command line, and paths are relative to the file`() throws {
    let plan = try #require(
      try plans(
        """
        // A comment.
        {
          format: 1,
          datasets: [{
            output: "out/a/", input: ["a.tar", "/b.tar"],
            steps: [
              {
                verb: "condense",
                options: {
                  method: "m3d", ipc: { dog: 5, "*": 3 }, lr: 0.5, classes: ["cat", "dog"], cache: "nets", seed: 7,
                },
              },
              { verb: "shard", options: { zstd: true, "max-size": "1M" } },
            ],
          }],
        }
        """
      ).first)
    #expect(plan.output == "jobs/out/a")
    #expect(
      plan.commands(into: "there") == [
        [
          "condense", "--input=jobs/a.tar", "--input=/b.tar", "--cache=jobs/nets", "--classes=cat,dog",
          "--ipc=*=3,dog=5",
          "--lr=0.5", "--method=m3d", "--seed=7",
        ],
        ["shard", "--max-size=1M", "--zstd", "--output=there"],
      ])
  }

  @Test func `the models of steps decide the dataset as its inputs do`() throws {
    let steps = "{ verb: 'encode', options: { model: 'm.safetensors' } }, { verb: 'shard' }"
    let plan = try #require(try plans(file(steps)).first)
    #expect(plan.inputs == ["jobs/a.tar"])
    #expect(plan.sources == ["jobs/a.tar", "jobs/m.safetensors"])
    #expect(plan.commands(into: "there")[0] == ["encode", "--input=jobs/a.tar", "--model=jobs/m.safetensors"])
    // A file may be called by the day.
    let daily = try #require(try plans(file(steps.replacing("'m.safetensors'", with: "20261126"))).first)
    #expect(daily.sources == ["jobs/a.tar", "jobs/20261126"])
    #expect(daily.commands(into: "there")[0].last == "--model=jobs/20261126")
    let start = "{ verb: 'condense', options: { 'start-from': 20261126 } }, { verb: 'shard' }"
    #expect(try plans(file(start)).first?.steps.first?.startsFrom == "jobs/20261126")
    let kept = "{ verb: 'condense', options: { checkpoint: 1 } }, { verb: 'shard' }"
    #expect(try plans(file(kept)).first?.written == ["jobs/1"])
  }

  @Test func `a verb that writes a model is no step`() {
    #expect(throws: DataError.self) { try plans(file("{ verb: 'fit' }, { verb: 'shard' }")) }
  }

  @Test(arguments: [
    ("{ datasets: [] }", "jobs/x.json5: has no 'format'"),
    ("{ format: 2, datasets: [] }", "jobs/x.json5: format: is 2, and this program reads 1"),
    ("{ format: 1, datasets: [] }", "jobs/x.json5: datasets: is empty"),
    ("{ format: 1, dataset: [] }", "jobs/x.json5: has no key 'dataset'; did you mean datasets?"),
    ("{ format: 1, datasets: {} }", "jobs/x.json5: datasets: should be a list in brackets"),
    (
      "{ format: 1, datasets: [{ outputs: 'a' }] }",
      "jobs/x.json5: datasets[0]: has no key 'outputs'; did you mean output?"
    ),
    (
      "{ format: 1, datasets: [{ output: 1, input: ['a'], steps: [] }] }",
      "jobs/x.json5: datasets[0].output: should be a text in quotes"
    ),
    (
      "{ format: 1, datasets: [{ output: 'a', input: [], steps: [{ verb: 'shard' }] }] }",
      "jobs/x.json5: datasets[0].input: is empty"
    ),
    (
      "{ format: 1, datasets: [{ output: '..', input: ['a'], steps: [{ verb: 'shard' }] }] }",
      "jobs/x.json5: datasets[0].output: should name a folder"
    ),
    (file("{ verb: 'decod' }"), "jobs/x.json5: datasets[0].steps[0].verb: 'decod' is no step; did you mean decode?"),
    (file("{ verb: 'decode' }"), "jobs/x.json5: datasets[0].steps[0]: is the last step, and decode writes no dataset"),
    (
      file("{ verb: 'shard' }, { verb: 'shard' }"),
      "jobs/x.json5: datasets[0].steps[0]: has a step after it, and shard writes no stream"
    ),
    (
      file("{ verb: 'decode', options: { resise: 3 } }, { verb: 'shard' }"),
      "jobs/x.json5: datasets[0].steps[0].options: decode has no option --resise; did you mean --resize?"
    ),
    (
      file("{ verb: 'condense', options: { ipc: 0 } }, { verb: 'shard' }"),
      "jobs/x.json5: datasets[0].steps[0].options: --ipc takes at least one image per class, not '0'"
    ),
    (
      file("{ verb: 'condense', options: { method: 'random', lr: 1 } }, { verb: 'shard' }"),
      "jobs/x.json5: datasets[0].steps[0].options: --lr means nothing to the method random"
    ),
    (
      file("{ verb: 'shard', options: { output: 'b' } }"),
      "jobs/x.json5: datasets[0].steps[0].options: --output does not belong to a step"
    ),
    (
      file("{ verb: 'shard', options: { 'max-size': true } }"),
      "jobs/x.json5: datasets[0].steps[0].options: --max-size takes a value, not true"
    ),
    (
      file("{ verb: 'shard', options: { zstd: [1] } }"),
      "jobs/x.json5: datasets[0].steps[0].options.zstd: should be true, a number"
    ),
    (
      file("{ verb: 'shard', options: { split: ['a'] } }"),
      "jobs/x.json5: datasets[0].steps[0].options: --split takes one value, not a list"
    ),
    (
      file("{ verb: 'shard' }", "check: { acuracy: 60 }"),
      "jobs/x.json5: datasets[0].check: has no key 'acuracy'; did you mean accuracy?"
    ),
    (
      file("{ verb: 'shard' }", "check: { accuracy: 0.6 }"),
      "jobs/x.json5: datasets[0].check.accuracy: is 0.6, and accuracies are in percent; write 60 for 60 %"
    ),
    (
      file("{ verb: 'shard' }", "check: { 'not-worse-than-last': -1 }"),
      "jobs/x.json5: datasets[0].check.not-worse-than-last: is -1; write a number of points"
    ),
    (
      file("{ verb: 'shard' }", "check: { protocol: 'none' }"),
      "jobs/x.json5: datasets[0].check: --protocol takes one of dc, dsa, idc, not 'none'"
    ),
    (file("{ verb: 'shard' }", "publish: {}"), "jobs/x.json5: datasets[0].publish: says not where"),
    (
      file("{ verb: 'shard' }", "publish: { to: 'p', keep: 0 }"),
      "jobs/x.json5: datasets[0].publish.keep: should be a number of generations"
    ),
    (
      file("{ verb: 'shard' }", "publish: { command: 'cp -r {folder} x' }"),
      "jobs/x.json5: datasets[0].publish.command: has no read-back"
    ),
    (
      file("{ verb: 'shard' }", "publish: { to: 'out' }"),
      "jobs/x.json5: datasets[0].publish.to: jobs/out: is, holds or lies in the output of datasets[0]"
    ),
    (
      "{ format: 1, datasets: [{ output: 'a', input: ['c'], steps: [{ verb: 'shard' }], check: {} },"
        + " { output: 'a.held', input: ['b'], steps: [{ verb: 'shard' }] }] }",
      "jobs/x.json5: datasets[1].output: is where datasets[0] is kept when it does not pass its check"
    ),
    (
      "{ format: 1, datasets: [{ output: 'a', input: ['c'], steps: [{ verb: 'shard' }] },"
        + " { output: 'a/', input: ['b'], steps: [{ verb: 'shard' }] }] }",
      "jobs/x.json5: datasets[1].output: jobs/a: is the output of datasets[0] too"
    ),
  ])
  func `a mistake is refused with its place`(text: String, sentence: String) {
    let error = #expect(throws: DataError.self) { try plans(text) }
    #expect(error?.fault == .badInput)
    #expect(error?.description.hasPrefix(sentence) == true, "\(error?.description ?? "nothing")")
  }

  @Test(arguments: [
    ("{\n  format: 1,\n  datasets: [ 'a' 'b' ]\n}", 3, 19, "a comma or ] should stand here"),
    ("{\n  format: 1,\n", 1, 1, "this { is never closed"),
    ("{ a: [1, 2 }", 1, 12, "a comma or ] should stand here"),
    ("{ a 1 }", 1, 5, "a colon should follow the name 'a'"),
    ("{ a: , }", 1, 6, "a value should stand here"),
    ("{ , }", 1, 3, "a name should stand here"),
    ("{ a: 'x\n' }", 1, 6, "this text has no closing quote"),
    ("{ a: 1, /* x }", 1, 9, "this comment has no end"),
    ("{ a: 1, b: 2, 'a': 3 }", 1, 15, "'a' stands twice in this object"),
    ("{} {}", 1, 4, "nothing should follow the closing bracket"),
    ("", 1, 1, "a value should stand here"),
  ])
  func `a mistake of syntax has a line and a column`(text: String, line: Int, column: Int, problem: String) {
    #expect(JSON5Syntax.mistake(in: text) == JSON5Syntax.Mistake(line: line, column: column, problem: problem))
    let error = #expect(throws: DataError.self) { try plans(text) }
    #expect(
      error?.description == "jobs/x.json5: line \(line), column \(column): is no JSON5: \(problem)")
  }

  @Test(arguments: [
    "{}", "[]", " [ ] // end", "{ a: 'it\\'s', \"b c\": \"a: {[\", c: +.5e-3, d: 0xFF, e: [1, [2,],], /* } */ }",
    "true",
    "{ a: 'one\\\n two' }", "{ a: {b: 1}, c: {b: 1} } /**/",
  ])
  func `what the parser takes has no mistake`(text: String) throws {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    #expect(throws: Never.self) { try decoder.decode(Anything.self, from: Data(text.utf8)) }
    #expect(JSON5Syntax.mistake(in: text) == nil)
  }

  @Test func `the files of the repository are right`() throws {
    let folder = fixtures.appending(path: "../pipelines").standardized.path
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json5") }
    #expect(names.count >= 2)
    for name in names {
      let path = "\(folder)/\(name)"
      #expect(throws: Never.self, "\(name)") { try DatasetPlan.plans(for: PipelineFile(path: path), at: path) }
    }
  }
}

@Suite("Recipes") struct RecipeTests {
  private let plain = "{ verb: 'condense', options: { method: 'dm', ipc: 10, seed: 3 } }, { verb: 'shard' }"

  @Test(arguments: [
    "{ verb: 'condense', options: { seed: 3, method: 'dm', ipc: 10 } }, { options: {}, verb: 'shard' }",
    // What is typed is the default.
    "{ verb: 'condense', options: { method: 'dm', ipc: 10, seed: 3, momentum: 0.5 } }, { verb: 'shard' }",
    // What cannot change the data.
    "{ verb: 'condense', options: { method: 'dm', ipc: 10, seed: 3, memory: '1G' } }, { verb: 'shard' }",
    "/* a comment */ { verb: 'condense', options: { method: 'dm', ipc: 1e1, seed: 0x3, }, }, { verb: 'shard' }",
  ])
  func `what says the same has the same digest`(steps: String) throws {
    #expect(try recipe(steps).digest == recipe(plain).digest)
    #expect(try recipe(steps).difference(from: recipe(plain)) == nil)
  }

  @Test(arguments: [
    ("{ verb: 'condense', options: { method: 'dm', ipc: 10, seed: 4 } }, { verb: 'shard' }", "--seed: 3, now 4"),
    ("{ verb: 'condense', options: { method: 'm3d', ipc: 10, seed: 3 } }, { verb: 'shard' }", "--factor: 1, now 2"),
    (
      "{ verb: 'condense', options: { method: 'dm', ipc: 10, seed: 3, steps: 9 } }, { verb: 'shard' }",
      "--steps: nothing, now 9"
    ),
    (
      "{ verb: 'condense', options: { method: 'dm', ipc: 10, seed: 3 } }, { verb: 'shard', options: { zstd: 3 } }",
      "steps[1], --zstd: nothing, now 3"
    ),
    ("{ verb: 'shard' }", "was made by condense | shard"),
  ])
  func `any other option makes another digest, and the difference is named`(steps: String, clause: String) throws {
    #expect(try recipe(steps).digest != recipe(plain).digest)
    let difference = try recipe(steps).difference(from: recipe(plain))
    #expect(difference?.contains(clause) == true, "\(difference ?? "nothing")")
  }

  @Test func `inputs, their order and the tool belong to the digest`() throws {
    let digests = [
      try recipe(plain, inputs: ["file:1", "file:2"]), try recipe(plain, inputs: ["file:2", "file:1"]),
      try recipe(plain, inputs: ["file:1"]), try recipe(plain, inputs: ["file:1", "file:2"], tool: "pipe 0"),
    ].map(\.digest)
    #expect(Set(digests).count == digests.count)
  }

  @Test func `the digest is what another implementation computes`() throws {
    // sha256sum of {"inputs":["file:1"],"steps":[{"options":{"max-bytes":"64M","split":"train"},"verb":"shard"}],"tool":"t"}
    let canonical =
      #"{"inputs":["file:1"],"steps":[{"options":{"max-bytes":"64M","split":"train"},"verb":"shard"}],"tool":"t"}"#
    let folder = try TemporaryFolder()
    let file = try folder.file("canonical", canonical)
    let outcome = try run([file.path], program: URL(filePath: "/usr/bin/sha256sum"))
    #expect(try outcome.output.hasPrefix(recipe("{ verb: 'shard' }", tool: "t").digest))
  }

  @Test func `any byte, name or added file of an input makes another digest`() throws {
    let folder = try TemporaryFolder()
    let input = folder.url.appending(path: "in")
    try FileManager.default.createDirectory(
      at: input.appending(path: "cat"), withIntermediateDirectories: true)
    var digests: [String] = []
    func note(_ path: URL) throws { digests.append(try InputContent(of: path.path).digest) }
    _ = try folder.file("in/cat/1", "one")
    try note(input)
    try note(input.appending(path: "cat/1"))
    _ = try folder.file("in/cat/1", "two")
    try note(input)
    try note(input.appending(path: "cat/1"))
    _ = try folder.file("in/cat/2", "")
    try note(input)
    try FileManager.default.moveItem(at: input.appending(path: "cat/2"), to: input.appending(path: "cat/3"))
    try note(input)
    #expect(Set(digests).count == digests.count)
    _ = try folder.file("in/cat/1", "one")
    try FileManager.default.removeItem(at: input.appending(path: "cat/3"))
    let content = try InputContent(of: input.path)
    #expect(content.digest == digests[0])
    #expect(content.isCurrent(at: input.path))
    _ = try folder.file("in/cat/1", "while it is read")
    #expect(!content.isCurrent(at: input.path))
  }

  @Test func `only the step that failed of itself is blamed`() {
    #expect(StepProcesses.culprit([0, 0]) == nil)
    #expect(StepProcesses.culprit([65, 65]) == 0)
    #expect(StepProcesses.culprit([141, 73]) == 1)
    #expect(StepProcesses.culprit([137, 75]) == 0)
    #expect(StepProcesses.culprit([141, 0]) == 0)
  }
}

import Catalog
import Foundation
import Testing

@testable import Command

/// Files that are valid, and files with one mistake each that a schema can see.
private let valid = [
  beside(
    "check: { accuracy: 60, 'class-accuracy': 1.5, test: ['a', 'b'], repeats: 2, protocol: 'dc' }, publish: { to: 'p', keep: 3 }"
  ),
  beside("check: {}, publish: { command: 'put {folder} ${HOME}', 'read-back': 'get {folder}', switch: 'tell' }"),
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], steps: [{ verb: 'shard' }] }] }",
  """
  { '$schema': 'x', format: 1, variables: { ipc: 1, list: [1], t: { a: 1 }, e: '${env:X:-1}' }, datasets: [{
    matrix: { method: ['dm', { label: 'x', options: {} }], seed: '${list}' }, exclude: [{ method: 'x', seed: 1 }],
    output: 'o/${method}-${seed}', input: ['a', 'b'],
    steps: [
      { verb: 'condense', options: ['${t2}', { ipc: { cat: 5, '*': 3 }, steps: '20', time: '1h30m', memory: '2G' }] },
      { verb: 'shard', options: { zstd: true, 'max-bytes': '1M' } },
    ],
    evaluate: [{ test: ['a', 'b'], repeats: 3, baselines: true }], table: 'out/t',
  }] }
  """.replacing("'${t2}', ", with: ""),
  """
  { format: 1, datasets: [{ output: 'o', input: ['a'], evaluate: { test: 'a', nets: ['convnet', 'vgg11'] },
    steps: [
      { verb: 'decode', options: { resize: '48x64', classes: ['a', 'b'], 'exif-rotate': true } },
      { verb: 'condense', options: { method: 'm3d', ipc: 5, lr: 0.5, seed: 7, factor: 1 } },
      { verb: 'shard', options: { zstd: 9 } },
    ] }] }
  """,
]

private func steps(_ text: String) -> String {
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], steps: [\(text)] }] }"
}

/// A file whose dataset has these keys beside the ordinary ones.
private func beside(_ keys: String) -> String {
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], steps: [{ verb: 'shard' }], \(keys) }] }"
}

private let broken = [
  beside("check: { accuracy: 0.6 }"), beside("check: { accurracy: 60 }"), beside("check: { verify: 1 }"),
  beside("check: { 'not-worse-than-last': 100 }"), beside("publish: {}"), beside("publish: { to: 'a', keep: 0 }"),
  beside("publish: { command: 'x {folder}' }"), beside("publish: { to: 'a', switch: 'x' }"),
  beside("publish: { at: 'a' }"),
  "{ format: 2, datasets: [{ output: 'o', input: ['a'], steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [] }", "{ format: 1 }", "{ format: 1, dataset: [] }",
  "{ format: 1, datasets: [{ output: 'o', input: [], steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: '', input: ['a'], steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: 1, input: ['a'], steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: 'o', inputs: ['a'], steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], table: 't', steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], exclude: [{ a: 1 }], steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], evaluate: { tests: 'a' }, steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], evaluate: { test: 'a', json: true }, steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, variables: { '1': 2 }, datasets: [{ output: 'o', input: ['a'], steps: [{ verb: 'shard' }] }] }",
  "{ format: 1, datasets: [{ output: 'o', input: ['a'], matrix: { a: 1 }, steps: [{ verb: 'shard' }] }] }",
  steps("{ verb: 'decode' }"), steps("{ verb: 'fit' }, { verb: 'shard' }"),
  steps("{ verb: 'decod' }, { verb: 'shard' }"),
  steps("{ verb: 'shard', options: { output: 'b' } }"), steps("{ verb: 'shard', option: {} }"),
  steps("{ verb: 'shard', options: { zstd: 20 } }"), steps("{ verb: 'shard', options: { 'max-size': true } }"),
  steps("{ verb: 'shard', options: { shards: 2, 'max-bytes': '1M' } }"),
  steps("{ verb: 'decode', options: { resise: 3 } }, { verb: 'shard' }"),
  steps("{ verb: 'decode', options: { split: ['train'] } }, { verb: 'shard' }"),
  steps("{ verb: 'decode', options: { split: 'validation' } }, { verb: 'shard' }"),
  steps("{ verb: 'condense', options: { ipc: 0 } }, { verb: 'shard' }"),
  steps("{ verb: 'condense', options: { method: 'random', lr: 1 } }, { verb: 'shard' }"),
  steps("{ verb: 'condense', options: { seed: 1.5 } }, { verb: 'shard' }"),
  steps("{ verb: 'condense', options: { time: 'soon' } }, { verb: 'shard' }"),
]

@Suite("The schema of pipeline files") struct PipelineSchemaTests {
  @Test func `it lists the keys that a file may hold`() throws {
    guard case .object(let schema) = PipelineSchema.json else { return #expect(Bool(false)) }
    func keys(_ path: [String]) -> [String] {
      var members = schema
      for name in path {
        guard case .object(let next)? = members.first(where: { $0.key == name })?.value else { return [] }
        members = next
      }
      return members.map(\.key).sorted()
    }
    #expect(keys(["properties"]) == PipelineFile.keys.sorted())
    #expect(keys(["$defs", "dataset", "properties"]) == PipelineFile.Dataset.keys.sorted())
    let conditions = PipelineFile.Check.conditionNames + ["test"] + PipelineFile.Check.optionNames
    #expect(keys(["$defs", "check", "properties"]) == conditions.sorted())
    #expect(keys(["$defs", "publish", "properties"]) == PipelineFile.Publish.keys.sorted())
    #expect(keys(["$defs", "step", "properties"]) == PipelineFile.Step.keys.sorted())
    for verb in DatasetPlan.Step.usable {
      let names = verb.options.map(\.name).filter { DatasetPlan.Step.reserved[$0] == nil }
      #expect(Set(keys(["$defs", "\(verb.name)-options", "properties"])).isSuperset(of: names))
    }
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["PIPE_PYTHON"] != nil, "needs jsonschema"))
  func `jsonschema and the program take and refuse the same files`() throws {
    let python = try #require(ProcessInfo.processInfo.environment["PIPE_PYTHON"])
    let folder = try TemporaryFolder()
    let root = fixtures.appending(path: "..").standardized
    let listed = try shell("git -C '\(root.path)' ls-files '*.json5'", in: folder).text.split(separator: "\n")
    #expect(!listed.isEmpty)
    let own = try listed.map { try String(contentsOf: root.appending(path: String($0)), encoding: .utf8) }
    for text in valid + own {
      #expect(throws: Never.self, "\(text)") {
        try PipelineFile(Data(text.utf8), named: "x", environment: ProcessInfo.processInfo.environment)
      }
    }
    for text in broken {
      #expect(throws: (any Error).self, "\(text)") {
        try DatasetPlan.plans(for: PipelineFile(Data(text.utf8), named: "x"), at: "x")
      }
    }
    func documents(_ texts: [String]) throws -> String {
      "[" + (try texts.map { try #require(PipelineValue(document: $0)).document }.joined(separator: ",")) + "]"
    }
    _ = try folder.file("valid.json", documents(valid + own))
    _ = try folder.file("broken.json", documents(broken))
    _ = try folder.file(
      "judge.py",
      """
      import json, jsonschema
      schema = json.load(open("schema.json"))
      jsonschema.Draft202012Validator.check_schema(schema)
      judge = jsonschema.Draft202012Validator(schema)
      for file in json.load(open("valid.json")):
          for error in judge.iter_errors(file):
              print("refused:", file, list(error.path), error.message)
      for file in json.load(open("broken.json")):
          if judge.is_valid(file):
              print("taken:", file)
      """)
    let run = try shell("pipe run --schema > schema.json && '\(python)' judge.py", in: folder)
    #expect(run.status == 0 && run.text.isEmpty, "\(run.text)")
  }
}

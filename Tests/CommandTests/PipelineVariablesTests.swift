import Foundation
import Testing

@testable import Command
@testable import Datasets

private func read(
  _ text: String, typed: [String: String] = [:], environment: [String: String] = [:]
) throws -> [DatasetPlan] {
  let file = try PipelineFile(Data(text.utf8), named: "jobs/x.json5", typed: typed, environment: environment)
  return try DatasetPlan.plans(for: file, at: "jobs/x.json5")
}

/// A file with these variables, and one dataset with this output and these options of `condense`.
private func file(_ variables: String, output: String = "out/a", options: String = "", more: String = "") -> String {
  """
  { format: 1, variables: { \(variables) }, datasets: [{ output: "\(output)", input: ["a.tar"], \(more)
    steps: [{ verb: "condense", options: { \(options) } }, { verb: "shard", options: { zstd: "${env:Z:-false}" } }] }] }
  """
}

private func words(_ text: String, typed: [String: String] = [:], environment: [String: String] = [:]) throws
  -> [String]
{
  try #require(try read(text, typed: typed, environment: environment).first).steps[0].words
}

@Suite("Variables and matrices of pipeline files") struct PipelineVariablesTests {
  @Test func `a text that is a name takes the value with its type, and a longer text spells it out`() throws {
    let text = file(
      "ipc: 5, counts: { cat: 2, '*': 1 }, list: ['a', 'b'], on: true, run: 'n-${ipc}'", output: "out/${run}",
      options: "ipc: '${counts}', classes: '${list}', seed: '${ipc}', name: 'x$${run}-${on}', 'exif-rotate': '${on}'")
    let plan = try #require(try read(text).first)
    #expect(plan.output == "jobs/out/n-5")
    #expect(
      plan.steps[0].words == [
        "--classes=a,b", "--exif-rotate", "--ipc=*=1,cat=2", "--name=x${run}-true", "--seed=5",
      ])
    #expect(plan.steps[1].words == [])
  }

  @Test func `what is typed replaces a variable, and counts as a number where a number stood`() throws {
    let text = file("ipc: 5, name: 'a'", options: "ipc: '${ipc}', name: '${name}'")
    #expect(try words(text, typed: ["ipc": "7", "name": "12"]) == ["--ipc=7", "--name=12"])
    #expect(try words(text, typed: ["ipc": "cat=1,*=2"]) == ["--ipc=cat=1,*=2", "--name=a"])
    #expect(try words(text, typed: ["name": "${ipc}"]) == ["--ipc=5", "--name=${ipc}"])
  }

  @Test func `a variable makes the same dataset as the value in its place`() throws {
    let plain = try #require(try read(file("", options: "ipc: 5, seed: 1")).first)
    let filled = try #require(
      try read(file("ipc: 5, seed: '${env:S}'", options: "ipc: '${ipc}', seed: '${seed}'"), environment: ["S": "1"])
        .first)
    #expect(Recipe(plain, inputs: []).digest == Recipe(filled, inputs: []).digest)
  }

  @Test func `variables of the environment have a value, a default, or are an error`() throws {
    let text = file("", options: "seed: '${env:SEED:-3}', name: '${env:NAME}'")
    #expect(try words(text, environment: ["NAME": "x", "SEED": ""]) == ["--name=x", "--seed=3"])
    #expect(try words(text, environment: ["NAME": "y", "SEED": "4"]).last == "--seed=4")
    let error = #expect(throws: DataError.self) { try words(text) }
    #expect(error?.description.contains("NAME, which is not set") == true, "\(error?.description ?? "")")
  }

  /// A number is read and written again on its way to an option; a path must not change by that.
  @Test(arguments: ["2026.10", "1.50", "1e3", "007", "-0", "12345678901234567890", "0.1"])
  func `an option keeps the spelling of its variable`(word: String) throws {
    let text = file(
      "day: null, run: '${env:RUN}'", options: "cache: '${day}', name: '${run}'")
    let words = try words(text, typed: ["day": word], environment: ["RUN": word])
    #expect(words == ["--cache=jobs/\(word)", "--name=\(word)"])
  }

  @Test func `paths of evaluations and checks keep their spelling`() throws {
    let text = file(
      "",
      more:
        "evaluate: { test: '${env:D}', real: '${env:D}', cache: '${env:C}', baselines: true }, check: { accuracy: 60, real: '${env:D}' },"
    )
    let plan = try #require(try read(text, environment: ["C": "2026.20", "D": "2026.10"]).first)
    let evaluation = try #require(plan.evaluations.first)
    let expected = ["--cache=jobs/2026.20", "--real=jobs/2026.10", "--test=jobs/2026.10"]
    #expect(evaluation.command(train: "x").filter { $0.contains("2026") } == expected)
    #expect(plan.check?.real == ["jobs/2026.10"] && plan.reads.count { $0 == "jobs/2026.10" } == 3)
  }

  @Test func `what is typed in place of a name that stands for some value has the kind that it looks like`() throws {
    let text = file("acc: '${env:ACC:-60}'", more: "check: { accuracy: '${acc}' },")
    #expect(try read(text).first?.check?.conditions.accuracy == 60)
    #expect(try read(text, typed: ["acc": "70"]).first?.check?.conditions.accuracy == 70)
  }

  @Test(arguments: [
    (
      file("ipc: 1", options: "ipc: '${ipx}'"), "datasets[0].steps[0].options.ipc: has ${ipx}, and there is no variable"
    ),
    (file("ipc: 1", options: "ipc: '${ipc'"), "datasets[0].steps[0].options.ipc: has a ${ that is never closed"),
    (file("a: '${b}', b: '${a}'"), "variables.a: needs its own value, by way of a, b, a"),
    (file("a: null"), "variables.a: has no value; type --set a=VALUE"),
    (file("'1a': 2"), "variables.1a: is no name of a variable"),
    (
      file("a: [1]", options: "name: 'x${a}'"), "datasets[0].steps[0].options.name: has ${a}, a list or a table, inside"
    ),
    (file("ipc: 'many'", options: "ipc: '${ipc}'"), "datasets[0].steps[0].options: --ipc takes a number or a table"),
    (file("", more: "matrix: { seed: [0, 1] },"), "datasets[0].output: does not name the axis 'seed'"),
    (
      file("", output: "o/${seed}", more: "matrix: { seed: [] },"),
      "datasets[0].matrix.seed: should be a list of values"
    ),
    (
      file("", output: "o/${seed}", more: "matrix: { seed: [1, 1] },"),
      "datasets[0].matrix.seed[1]: is the value '1' again"
    ),
    (
      file("seed: 1", output: "o/${seed}", more: "matrix: { seed: [1] },"),
      "datasets[0].matrix.seed: is the name of a variable"
    ),
    (
      file("", output: "o/${seed}", more: "matrix: { seed: [1] }, exclude: [{ sed: 1 }],"),
      "datasets[0].exclude[0]: names 'sed', which is no axis; did you mean seed?"
    ),
    (
      file("", output: "o/${seed}", more: "matrix: { seed: [1] }, exclude: [{ seed: 2 }],"),
      "datasets[0].exclude[0]: matches no cell"
    ),
    (
      file("", output: "o/${seed}", more: "matrix: { seed: [1] }, exclude: [{ seed: 1 }],"),
      "datasets[0].exclude: leaves no cell"
    ),
    (file("", more: "exclude: [],"), "datasets[0].exclude: means nothing without a 'matrix'"),
    (file("", more: "table: 't',"), "datasets[0].table: means nothing without 'evaluate'"),
    (file("", more: "evaluate: { repeats: 3 },"), "datasets[0].evaluate[0]: needs 'test'"),
    (file("", more: "evaluate: { test: 'a', train: 'b' },"), "datasets[0].evaluate[0]: --train does not belong here"),
    (
      file("", output: "o/${ipc}", options: "ipc: '${ipc}'", more: "matrix: { ipc: [1, 0] },"),
      "datasets[0] (ipc 0).steps[0].options: --ipc takes at least one image per class"
    ),
    (
      file("", output: "o/${ipc}", options: "name: [1]", more: "matrix: { ipc: [3] },"),
      "datasets[0] (ipc 3).steps[0].options.name: should be true"
    ),
  ])
  func `a mistake is refused with its place`(text: String, sentence: String) {
    let error = #expect(throws: DataError.self) { try read(text) }
    #expect(error?.fault == .badInput)
    #expect(error?.description.hasPrefix("jobs/x.json5: \(sentence)") == true, "\(error?.description ?? "nothing")")
  }

  @Test func `a typed variable that the file does not have is a mistake of the command line`() throws {
    let error = #expect(throws: DataError.self) { try words(file("ipc: 1, seed: 0"), typed: ["ips": "3"]) }
    #expect(error?.fault == .usage)
    #expect(error?.description == "jobs/x.json5: has no variable 'ips' to set; did you mean ipc?")
  }

  @Test func `a matrix makes a dataset for each cell, in the order in which the output names its axes`() throws {
    let plans = try read(
      """
      { format: 1, datasets: [{
        matrix: {
          seed: [0, 1],
          data: [{ label: "small", input: ["a", "b"] }, { label: "large", input: "c" }],
          method: ["random", { label: "matched", options: { method: "dm", steps: 2, lr: 0.5 } }],
        },
        exclude: [{ data: "large", seed: 1 }, { method: "random", data: "small" }],
        output: "${data}-${method}-${seed}", input: "${data.input}",
        steps: [{ verb: "condense", options: [{ method: "random", seed: "${seed}" }, { lr: 1 }] }, { verb: "shard" }],
      }] }
      """.replacing("input: \"c\" }", with: "input: [\"c\"] }").replacing("{ lr: 1 }", with: "{ }"))
    #expect(
      plans.map(\.output) == [
        "jobs/small-matched-0", "jobs/small-matched-1", "jobs/large-random-0", "jobs/large-matched-0",
      ])
    #expect(plans[0].inputs == ["jobs/a", "jobs/b"])
    #expect(plans[2].inputs == ["jobs/c"])
    #expect(plans.map(\.origin.place)[1] == "datasets[0] (data small, method matched, seed 1)")
  }

  @Test func `a line for the shell keeps the names that the file does not have`() throws {
    let text = file(
      "host: 'h1', keep: 3",
      more:
        "publish: { to: 'p', keep: '${keep}', command: 'put ${host} ${HOME} {folder}', 'read-back': 'get {folder}' },")
    let publish = try #require(try read(text, typed: ["keep": "4"]).first?.publish)
    #expect(publish.command?.send == "put h1 ${HOME} {folder}" && publish.keep == 4)
  }

  @Test func `options that are a list are one table, in which what comes later wins`() throws {
    let text = file("base: { method: 'dm', lr: 1 }", options: "").replacing(
      "options: {  }", with: "options: ['${base}', { lr: 2, steps: 3 }]")
    #expect(try words(text) == ["--lr=2", "--method=dm", "--steps=3"])
  }
}

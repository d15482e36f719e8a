import Datasets
import Foundation
import Testing

@testable import Command

@Suite("Plans of pipeline files") struct PipelinePlanTests {
  private func folder(_ text: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      at: fixtures.appending(path: "shapes-cifar-python.tar.gz"), to: folder.url.appending(path: "in.tar"))
    _ = try folder.file("job.json5", "{ format: 1, datasets: [\(text)] }")
    return folder
  }

  @Test func `a plan says what flows between steps, also from datasets that are not there yet, and makes nothing`()
    throws
  {
    let folder = try folder(
      """
      { output: "a", input: ["in.tar"], steps: [{ verb: "decode", options: { "center-crop": 24 } }, { verb: "shard" }] },
      { output: "b", input: ["a"], steps: [
        { verb: "decode", options: { classes: ["ring", "bars"] } }, { verb: "decode", options: { resize: "8x16" } }, { verb: "shard" },
      ] }
      """)
    let plan = try shell("pipe run --plan job.json5; ls", in: folder)
    #expect(plan.status == 0)
    #expect(
      plan.text == """
        a: to be made
          reads samples 3×24×24, 10 classes
          decode gives samples 3×24×24, 10 classes
          shard gives samples 3×24×24, 10 classes
          pipe decode --input=in.tar --center-crop=24 | pipe shard --output=a
        b: to be made, after those that it reads
          reads samples 3×24×24, 10 classes
          decode gives samples 3×24×24, 2 classes
          decode gives samples 3×8×16, 2 classes
          shard gives samples 3×8×16, 2 classes
          pipe decode --input=a --classes=ring,bars | pipe decode --resize=8x16 | pipe shard --output=b
        in.tar
        job.json5

        """)
  }

  @Test func `a plan knows what is done, what is in the cache, and what would be replaced`() throws {
    let folder = try folder(
      """
      { matrix: { size: [8, 16] }, output: "o${size}", input: ["in.tar"], steps: [
        { verb: "decode", options: { "center-crop": 24 } }, { verb: "decode", options: { resize: "${size}" } }, { verb: "shard" },
      ] }
      """)
    #expect(try shell("pipe run -q --cache c job.json5 && rm -r o16", in: folder).status == 0)
    let plan = try shell("pipe run --plan --cache c job.json5", in: folder).text.split(separator: "\n")
    #expect(plan[0] == "o8: up to date" && plan[2] == "  decode gives samples 3×24×24, 10 classes, from the cache")
    #expect(plan[3] == "  decode gives samples 3×8×8, 10 classes")
    #expect(plan.contains("o16: to be made"))
    let changed = try shell("sed -i 's/24/20/' job.json5; pipe run --plan --json --cache c job.json5", in: folder)
    let report = try JSONSerialization.jsonObject(with: Data(changed.text.utf8)) as? [String: [[String: Any]]]
    let first = try #require(report?["datasets"]?.first)
    #expect(
      first["state"] as? String
        == "to be replaced: it was made with another recipe (steps[0], --center-crop: 24, now 20); needs --replace")
    let steps = try #require(first["steps"] as? [[String: Any]])
    #expect(steps.map { $0["cached"] as? Bool } == [false, false, false])
    let gives = try #require(steps[0]["gives"] as? [String: Any])
    #expect(gives["shape"] as? [Int] == [3, 20, 20] && (gives["classes"] as? [String])?.count == 10)
  }

  @Test func `a plan says why it does not know`() throws {
    let folder = try folder(
      "{ output: 'a', input: ['job.json5'], steps: [{ verb: 'condense', options: { steps: 2 } }, { verb: 'shard' }] }")
    let plan = try shell("pipe run --plan job.json5", in: folder)
    #expect(plan.status == 0 && plan.text.contains("reads what cannot be read: "), "\(plan.text)")
    #expect(plan.text.contains("condense gives what is not known yet; time and memory are not known: "), "\(plan.text)")
    #expect(try shell("pipe run --plan none.json5", in: folder).status == 66)
    #expect(
      try shell("rm in.tar; sed -i s/job.json5/in.tar/ job.json5; pipe run --plan job.json5", in: folder).status == 66)
  }

  @Test func `what a step reports on its standard error is its estimate`() {
    let events = """
      {"event":"log","verb":"condense","message":"dm: 10 images"}
      {"event":"estimate","verb":"condense","seconds":150.5,"memory_bytes":1048576}
      """
    #expect(StepEstimate(events: Array(events.utf8), succeeded: true).text == "about 2m31s, about 1.0 MiB of memory")
    let error = #"{"event":"error","verb":"condense","exit_code":65,"message":"no such class"}"#
    #expect(StepEstimate(events: Array(error.utf8), succeeded: false).problem == "no such class")
  }
}

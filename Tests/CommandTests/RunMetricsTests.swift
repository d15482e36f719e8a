import Foundation
import Testing

@testable import Command

@Suite("What a run tells machines") struct RunMetricsTests {
  private func value(_ metric: String, _ text: String) -> Double? {
    text.split(separator: "\n").first { $0.hasPrefix(metric + "{") }?.split(separator: " ").last.flatMap { Double($0) }
  }

  @Test func `the textfile has successes, failures and accuracies, and keeps what it knew`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75 }")
    let file = job.folder.url.appending(path: "a.prom")
    func text() throws -> String { try String(contentsOf: file, encoding: .utf8) }
    #expect(try job.pipe("--metrics", file.path).status == 0)
    let first = try text()
    #expect(value("pipe_dataset_success", first) == 1)
    #expect(value("pipe_dataset_samples", first) == 40)
    #expect(value("pipe_dataset_accuracy_ratio", first) == 0.8)
    #expect(value("pipe_dataset_failures_total", first) == 0)
    let success = value("pipe_dataset_last_success_timestamp_seconds", first)
    #expect(success ?? 0 > 1.7e9)

    try job.describe(options: "resize: 8", keys: "check: { accuracy: 75 }")
    try job.reports([0.5, 0.3])
    for count in 1...2 {
      #expect(try job.pipe("--replace", "--metrics", file.path).status == 3)
      let failed = try text()
      #expect(value("pipe_dataset_success", failed) == 0)
      #expect(value("pipe_dataset_exit_code", failed) == 3)
      #expect(value("pipe_dataset_failures_total", failed) == Double(count))
      #expect(value("pipe_dataset_accuracy_ratio", failed) == 0.4)
      #expect(value("pipe_dataset_last_success_timestamp_seconds", failed) == success)
    }
    // A file that cannot be read says nothing about its datasets.
    _ = try job.folder.file("job.json5", "{")
    #expect(try job.pipe("--metrics", file.path).status == 65)
    #expect(value("pipe_run_exit_code", try text()) == 65)
    #expect(value("pipe_dataset_accuracy_ratio", try text()) == 0.4)
    #expect(job.names(".").filter { $0.contains("prom") } == ["a.prom"])
  }

  @Test func `a file that is not ours is not replaced`() throws {
    let job = try NightlyJob()
    let mine = try job.folder.file("mine.prom", "precious")
    let refused = try job.pipe("--metrics", mine.path)
    #expect(refused.status == 73)
    #expect(try String(contentsOf: mine, encoding: .utf8) == "precious")
    #expect(job.names("out") == [])
  }

  @Test func `names are escaped, and a dataset that left the file leaves the textfile`() {
    let metrics = RunMetrics(path: "x", pipeline: "a \"b\".json5")
    let outcome = RunOutcome(output: "o", state: "made")
    let text = metrics.text(
      [("back\\slash", outcome)], of: ["back\\slash", "other"], seconds: 1.5, exitCode: 0, now: 7,
      after: [
        #"pipe_dataset_success{pipeline="a \"b\".json5",dataset="gone"} 1"#,
        #"pipe_dataset_success{pipeline="a \"b\".json5",dataset="other"} 0"#,
        #"pipe_dataset_success{pipeline="a \"b\".json5",dataset="back\\slash"} 0"#,
      ])
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("pipe_dataset_success") }
    #expect(
      lines == [
        #"pipe_dataset_success{pipeline="a \"b\".json5",dataset="back\\slash"} 1"#,
        #"pipe_dataset_success{pipeline="a \"b\".json5",dataset="other"} 0"#,
      ])
  }

  @Test func `JSON lines say what is done with every dataset, how long it took, and how the run ended`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 95 }")
    let outcome = try job.pipe("--progress=json")
    let events = try outcome.errors.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let states = events.filter { $0["event"] as? String == "dataset" }
    #expect(states.map { $0["state"] as? String } == ["making", "checking", "not passed"])
    #expect(states.allSatisfy { $0["time"] is String && $0["seconds"] is Double })
    let end = try #require(events.first { $0["event"] as? String == "run" })
    #expect(end["exit_code"] as? Int == 3)
  }
}

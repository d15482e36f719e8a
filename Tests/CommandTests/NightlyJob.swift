import Foundation
import Testing

/// A pipeline file of one dataset that needs no tensors, and a copy of the program with a stand-in for `pipe-compute`, whose
/// `evaluate` reports the accuracy that a test wants.
final class NightlyJob {
  let folder: TemporaryFolder
  let program: URL

  /// Two classes: what the stand-in reports as accuracies, in [0, 1].
  init(_ accuracies: [Double] = [0.9, 0.7], keys: String = "") throws {
    folder = try TemporaryFolder()
    let programs = folder.url.appending(path: "programs")
    try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: true)
    program = programs.appending(path: "pipe")
    // A second name is faster than a copy, where both lie on one file system.
    if link(builtPipe.path, program.path) != 0 { try FileManager.default.copyItem(at: builtPipe, to: program) }
    let standIn = try folder.file(
      "programs/pipe-compute",
      """
      #!/bin/sh
      here=${0%/*}
      echo "$@" >> $here/calls
      [ ! -e $here/status ] || exit $(cat $here/status)
      case "$*" in *.held*) ;; *) [ ! -e $here/status-of-last ] || exit $(cat $here/status-of-last) ;; esac
      cat $here/result
      """)
    chmod(standIn.path, 0o755)
    _ = try folder.file("programs/calls", "")
    try reports(accuracies)
    try FileManager.default.copyItem(
      at: fixtures.appending(path: "shapes-cifar-python.tar.gz"), to: folder.url.appending(path: "in.tar"))
    try describe(keys: keys)
  }

  func describe(options: String = "", keys: String) throws {
    _ = try folder.file(
      "job.json5",
      """
      { format: 1, datasets: [{ output: "out/shapes", input: ["in.tar"],
        steps: [{ verb: "decode", options: { \(options) } }, { verb: "shard" }], \(keys) }] }
      """)
  }

  /// What `pipe evaluate` reports from now on.
  func reports(_ accuracies: [Double], split: String = "test") throws {
    let mean = accuracies.reduce(0, +) / Double(accuracies.count)
    let classes = accuracies.indices.map { "\"class\($0)\"" }.joined(separator: ",")
    _ = try folder.file(
      "programs/result",
      """
      {"protocol":"P-DSA","epochs":1,"prescribed_epochs":1,"repeats":1,"seed":0,"precision":"float32","network":"convnet",
       "networks":["convnet"],"width":128,"device":"cpu","test":"in.tar","test_split":"\(split)","classes":[\(classes)],
       "count_per_class":[\(accuracies.map { _ in "4" }.joined(separator: ","))],
       "rows":[{"set":"shapes","baseline":false,"network":"convnet","accuracies":[\(mean)],"mean":\(mean),
         "per_class":[\(accuracies.map { "\($0)" }.joined(separator: ","))],"images":8,"trained_on":8,"seconds":1,
         "stopped_early":false}]}
      """)
  }

  /// How often networks were trained so far.
  func evaluations() throws -> Int {
    try String(contentsOf: folder.url.appending(path: "programs/calls"), encoding: .utf8).split(separator: "\n").count
  }

  func pipe(_ words: String...) throws -> Outcome {
    try run(["run", folder.url.appending(path: "job.json5").path] + words, program: program)
  }

  func verify(_ path: String) throws -> Int32 {
    try run(["verify", folder.url.appending(path: path).path], program: program).status
  }

  /// What is in a folder, hidden names included.
  func names(_ path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: path).path).sorted()) ?? []
  }

  func target(_ link: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: folder.url.appending(path: link).path)
  }

  /// The report of `--json`, dataset by dataset.
  func report(_ outcome: Outcome) throws -> [[String: Any]] {
    let report = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: [[String: Any]]]
    return try #require(report?["datasets"])
  }
}

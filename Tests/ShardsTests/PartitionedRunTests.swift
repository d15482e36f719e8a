import Datasets
import Foundation
import Streaming
import Testing

@testable import Shards

@Suite("Parts of one run") struct PartitionedRunTests {
  private static let step = ProvenanceStep(
    verb: "condense", tool: "pipe 1.0.0", options: ["method": "dm", "steps": "3"], digests: ["source": "abc"])

  /// Writes a part of one sample for each text such as `1/3`, and gives their folders.
  private func parts(
    _ texts: [String?], in folder: TemporaryFolder, change: (Int, inout [ProvenanceStep]) -> Void = { _, _ in }
  ) throws -> [String] {
    try texts.enumerated().map { index, text in
      var info = exampleInfo
      var step = Self.step
      step.options["partition"] = text
      info.provenance.append(step)
      change(index, &info.provenance)
      var sample = examplePixels(3, seed: UInt64(index))[index % 3]
      sample.key = "s\(index)"
      try writeDataset([sample], in: folder, "part-\(index)", info: info)
      return folder["part-\(index)"]
    }
  }

  private func merged(
    _ texts: [String?], options: [String: String] = [:], change: (Int, inout [ProvenanceStep]) -> Void = { _, _ in }
  ) throws -> MergedSource {
    let folder = try TemporaryFolder()
    return try MergedSource(
      try parts(texts, in: folder, change: change), mayShareKeys: false, tool: "pipe 1.0.0", options: options)
  }

  private func refusal(
    _ texts: [String?], change: (Int, inout [ProvenanceStep]) -> Void = { _, _ in }
  ) -> String {
    let error = #expect(throws: DataError.self) { try merged(texts, change: change) }
    return "\(error?.problem ?? "") \(error?.remedy ?? "")"
  }

  @Test func `all of them have the history of the run, in whatever order they come`() throws {
    for texts in [["1/3", "2/3", "3/3"], ["3/3", "1/3", "2/3"], ["1/1"]] {
      #expect(try merged(texts).info.provenance == exampleInfo.provenance + [Self.step])
    }
    // Classes that an earlier run had made are named in the order of the classes.
    let reused = try merged(["2/2", "1/2"]) { $1[1].reused = $0 == 0 ? ["square/ü"] : ["circle"] }
    #expect(reused.info.provenance.last?.reused == ["circle", "square/ü"])
    // What else was done to them, or asked for, stays in the history.
    let changed = try merged(["1/2", "2/2"]) {
      $1.append(ProvenanceStep(verb: "cat", tool: "x", options: ["take": "1"]))
    }
    #expect(changed.info.provenance.map(\.verb) == ["decode", "merge"])
    #expect(try merged(["1/2", "2/2"], options: ["order": "parts"]).info.provenance.last?.verb == "merge")
  }

  @Test func `what is missing, there twice, or of another run is named`() {
    #expect(refusal(["1/4", "3/4"]).contains("of which 2 parts are missing: 2/4, 4/4"))
    #expect(
      refusal(["1/3", "3/3"]).contains(
        "1 part is missing: 2/3 name the folder of every part; make what is missing with --partition 2/3"))
    #expect(refusal(["1/2", "2/2", "2/2"]).contains("is part 2/2 of the run, and so is"))
    #expect(refusal(["1/2", "2/3"]).contains("is part 2/3 of a run, and"))
    #expect(refusal(["1/2", "2/2", nil]).contains("is no part of a run, and"))
    #expect(refusal([nil, "1/2", "2/2"]).contains("is no part of a run, and"))
    let steps = refusal(["1/2", "2/2"]) { if $0 == 1 { $1[1].options["steps"] = "2" } }
    #expect(steps.contains("--steps of its step condense is 2, and there 3"))
    let source = refusal(["1/2", "2/2"]) { if $0 == 1 { $1[1].digests["source"] = "x" } }
    #expect(source.contains("its step condense had another source"))
    let tool = refusal(["1/2", "2/2"]) { if $0 == 1 { $1[1].tool = "pipe 2.0.0" } }
    #expect(tool.contains("is by pipe 2.0.0, and there by pipe 1.0.0"))
  }
}

@Suite("Shards of some classes") struct ShardLabelTests {
  /// Twelve samples ordered by class, in shards of two, with what was measured.
  private func measured(in folder: TemporaryFolder) throws -> Manifest {
    var options = ShardOptions(directory: folder["set"], namePrefix: "shapes", maxSamples: 2)
    options.isMeasured = true
    let writer = try DatasetWriter(options, info: exampleInfo)
    for sample in examplePixels(12).sorted(by: { $0.label < $1.label }) { try writer.write(sample) }
    return try writer.finish(info: exampleInfo)
  }

  private func selected(_ folder: TemporaryFolder, _ keeps: [Bool]) throws -> (SelectedSource, shards: Int) {
    let reader = try DatasetReader(folder["set"])
    let classes = ClassSelection(keeping: keeps, renumbering: false)
    let source = SelectedSource(reader, SampleSelection(classes: classes), adding: nil)
    return (source, reader.shardCount)
  }

  @Test func `the manifest says which labels a shard holds, and others are not opened`() async throws {
    let folder = try TemporaryFolder()
    let manifest = try measured(in: folder)
    #expect(manifest.shards.map(\.labels) == [[0, 0], [0, 0], [1, 1], [1, 1], [2, 2], [2, 2]])
    #expect(try await verifyDataset(at: folder["set"]).damage.isEmpty)
    for name in [0, 1, 4, 5].map({ manifest.shards[$0].name }) {
      try FileManager.default.removeItem(atPath: folder["set/\(name)"])
    }
    let (source, shards) = try selected(folder, [false, true, false])
    #expect(shards == 2)
    #expect(try allSamples(source).map(\.label) == [1, 1, 1, 1])
  }

  @Test func `labels that are not those of the shard are damage, and lose no sample silently`() async throws {
    let folder = try TemporaryFolder()
    var manifest = try measured(in: folder)
    manifest.shards[2].labels = [2, 2]
    try folder.write("set/\(Manifest.fileName)", manifest.encoded())
    #expect(throws: DataError.self) { try allSamples(try selected(folder, [false, true, false]).0) }
    let report = try await verifyDataset(at: folder["set"])
    #expect(report.damage.contains { $0.problem == "has label 1, where the manifest says 2 to 2" })
    for labels in [[1], [2, 1], [0, 3], [-1, 0]] {
      manifest.shards[2].labels = labels
      #expect(throws: DataError.self) { try Manifest(bytes: manifest.encoded(), path: "x") }
    }
  }
}

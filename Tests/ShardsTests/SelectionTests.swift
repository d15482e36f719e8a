import Datasets
import Foundation
import Streaming
import Testing

@testable import Shards

/// Three classes by turns, with probabilities.
private func soft(_ count: Int) -> [Sample] {
  examplePixels(count).map { sample in
    var sample = sample
    sample.softLabel = [0.5, 0.25, 0.25]
    return sample
  }
}

private var softInfo: DatasetInfo {
  var info = exampleInfo
  info.labelKind = .probability
  return info
}

private func selected(
  _ folder: TemporaryFolder, keeping keeps: [Bool] = [true, true, true], renumbering: Bool = false,
  perClass: Int? = nil,
  take: Int? = nil
) throws(DataError) -> (samples: [Sample], info: DatasetInfo) {
  let selection = SampleSelection(
    classes: ClassSelection(keeping: keeps, renumbering: renumbering), perClass: perClass, take: take)
  let source = SelectedSource(try DatasetReader(folder["out"]), selection, adding: nil)
  let samples = try allSamples(source)
  return (samples, source.info)
}

@Suite("Selections") struct SelectionTests {
  /// The model: filter, then the first of each class, then the first in all.
  private func expected(_ all: [Sample], _ keeps: [Bool], _ perClass: Int?, _ take: Int?) -> [Sample] {
    var counts = [0, 0, 0]
    let chosen = all.filter { sample in
      guard keeps[sample.label], counts[sample.label] < perClass ?? .max else { return false }
      counts[sample.label] += 1
      return true
    }
    return Array(chosen.prefix(take ?? .max))
  }

  @Test func `what is selected is as it was stored, and counted`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(exampleFloats(20), in: folder, maxSamples: 6)
    let all = try allSamples(try DatasetReader(folder["out"]))
    var random = Sequence32(seed: 3)
    for _ in 0..<60 {
      var keeps = (0..<3).map { _ in Bool.random(using: &random) }
      keeps[Int.random(in: 0..<3, using: &random)] = true
      let perClass = Bool.random(using: &random) ? Int.random(in: 1...9, using: &random) : nil
      let take = Bool.random(using: &random) ? Int.random(in: 1...25, using: &random) : nil
      let found = try selected(folder, keeping: keeps, perClass: perClass, take: take)
      let wanted = expected(all, keeps, perClass, take)
      #expect(found.samples == wanted)
      #expect(found.info.classNames == exampleInfo.classNames)
      #expect(found.info.countPerClass == (0..<3).map { label in wanted.count { $0.label == label } })
    }
  }

  @Test func `counts are told beforehand where the order of the samples does not decide them`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(10), in: folder)
    func begun(_ perClass: Int?, _ take: Int?) throws -> [Int]? {
      let selection = SampleSelection(
        classes: ClassSelection(keeping: [true, false, true], renumbering: true), perClass: perClass, take: take)
      return SelectedSource(try DatasetReader(folder["out"]), selection, adding: nil).info.countPerClass
    }
    #expect(try begun(nil, nil) == [4, 3])
    #expect(try begun(2, nil) == [2, 2])
    #expect(try begun(2, 3) == nil)
    #expect(try begun(2, 4) == [2, 2])
  }

  @Test func `classes that are numbered anew have new labels, names and soft labels`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(soft(6), in: folder, info: softInfo)
    let found = try selected(folder, keeping: [true, false, true], renumbering: true)
    #expect(found.info.classNames == ["circle", "star"] && found.info.countPerClass == [2, 2])
    #expect(found.samples.map(\.label) == [0, 1, 0, 1])
    // 0.5 and 0.25 of 0.75.
    for sample in found.samples { #expect(sample.softLabel == [Float(0.5 / 0.75), Float(0.25 / 0.75)]) }
    let same = try selected(folder, keeping: [true, false, true])
    #expect(same.samples.map(\.label) == [0, 2, 0, 2])
    for sample in same.samples { #expect(sample.softLabel == [0.5, 0.25, 0.25]) }
  }

  @Test func `logits lose columns and nothing else, and a label of which nothing is left is refused`() throws {
    let two = ClassSelection(keeping: [false, true, true], renumbering: true)
    #expect(try two.applied(toSoftLabel: [7, -1, 2.5], kind: .logit) == [-1, 2.5])
    let error = #expect(throws: DataError.self) { try two.applied(toSoftLabel: [1, 0, 0], kind: .probability) }
    #expect(error?.problem.contains("no probability left") == true)
    let all = ClassSelection(keeping: [true, true, true], renumbering: true)
    #expect(try all.applied(toSoftLabel: [0.1, 0.2, 0.7], kind: .probability) == [0.1, 0.2, 0.7])
  }

  @Test func `damage in a shard is found although its samples were not selected`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(6), in: folder, maxSamples: 3)
    var bytes = try folder.bytes("out/shapes-train-000000.tar")
    let member = try #require((0..<bytes.count).first { bytes[$0...].starts(with: "000002.png".utf8) })
    bytes[member + 512 + 60] ^= 4
    try folder.write("out/shapes-train-000000.tar", bytes)
    let error = #expect(throws: DataError.self) { try selected(folder, take: 1) }
    #expect(error?.place == [folder["out/shapes-train-000000.tar"]] && error?.problem.hasPrefix("has SHA-256") == true)
    // What was not needed is not read.
    try folder.write(
      "out/shapes-train-000000.tar",
      {
        bytes[member + 512 + 60] ^= 4; return bytes
      }())
    try folder.write("out/shapes-train-000001.tar", [1])
    #expect(try selected(folder, take: 1).samples.count == 1)
  }
}

@Suite("Orders") struct OrderTests {
  private func stored(_ samples: [Sample]) async throws -> SampleStore {
    let options = ShardOptions(directory: "", namePrefix: "x")
    let pack = try Pack(for: options, info: exampleInfo)
    let chunked = pipeline {
      Chunked()
      pack
    }
    return try await chunked.run(from: .elements(samples), into: StoreSink(named: "store"))
  }

  private func keys(_ store: SampleStore, _ order: SampleOrder) async throws -> [String] {
    try await store.chunks(in: order, stage: "x").reduce(into: []) { $0 += $1.entries.map(\.key) }
  }

  @Test func `a shuffle depends on seed and keys, not on the order in which samples come`() async throws {
    let samples = examplePixels(300)
    let forwards = try await keys(try await stored(samples), .shuffled(seed: 1))
    let backwards = try await keys(try await stored(samples.reversed()), .shuffled(seed: 1))
    let other = try await keys(try await stored(samples), .shuffled(seed: 2))
    #expect(forwards == backwards && forwards != other)
    #expect(Set(forwards) == Set(samples.map(\.key)) && forwards.count == 300)
    // As many classes among the first third as in all: every third label is a class, so that a shuffle that follows keys shows.
    let labels = Dictionary(uniqueKeysWithValues: samples.map { ($0.key, $0.label) })
    for label in 0..<3 { #expect((15...55).contains(forwards.prefix(100).count { labels[$0] == label })) }
    let moved = zip(forwards, samples).count { $0 != $1.key }
    #expect(moved > 280)
  }

  @Test func `by class the samples of a class keep their order`() async throws {
    let samples = examplePixels(50)
    let store = try await stored(samples)
    let sorted = (0..<3).flatMap { label in samples.filter { $0.label == label }.map(\.key) }
    #expect(try await keys(store, .byClass) == sorted)
    #expect(try await keys(store, .unchanged) == samples.map(\.key))
    #expect(store.count == 50)
  }

  @Test func `new keys change names and nothing else`() async throws {
    let folder = try TemporaryFolder()
    var samples = exampleFloats(7)
    try writeDataset(samples, in: folder, "old")
    let writer = try DatasetWriter(ShardOptions(directory: folder["new"], namePrefix: "shapes"), info: exampleInfo)
    var next = 0
    for try await chunk in try await stored(samples).chunks(in: .unchanged, stage: "x") {
      try writer.write(try chunk.renumbered(from: next))
      next += chunk.count
    }
    try writer.finish(info: exampleInfo)
    for index in samples.indices { samples[index].key = numberKey(index) }
    try writeDataset(samples, in: folder, "expected")
    #expect(try folder.bytes("new/shapes-train-000000.tar") == folder.bytes("expected/shapes-train-000000.tar"))
  }

  @Test(arguments: [(10, 1), (10, 3), (10, 10), (7, 4)]) func `N shards hold as many samples each, or one more`(
    samples: Int, shards: Int
  ) throws {
    let folder = try TemporaryFolder()
    var options = ShardOptions(directory: folder["out"], namePrefix: "shapes", maxBytes: 600, maxSamples: 1)
    options.division = ShardOptions.Division(shards: shards, samples: samples)
    let writer = try DatasetWriter(options, info: exampleInfo)
    for sample in examplePixels(samples) { try writer.write(sample) }
    let counts = try writer.finish(info: exampleInfo).shards.map(\.samples)
    #expect(counts.count == shards && counts.reduce(0, +) == samples)
    #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1 && counts == counts.sorted(by: >))
  }

  @Test func `a division of other samples than come publishes nothing`() throws {
    let folder = try TemporaryFolder()
    var options = ShardOptions(directory: folder["out"], namePrefix: "shapes")
    options.division = ShardOptions.Division(shards: 2, samples: 5)
    do {
      let writer = try DatasetWriter(options, info: exampleInfo)
      for sample in examplePixels(4) { try writer.write(sample) }
      #expect(throws: DataError.self) { try writer.finish(info: exampleInfo) }
    }
    #expect(try folder.contents() == [])
  }
}

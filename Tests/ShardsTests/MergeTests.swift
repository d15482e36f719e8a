import Datasets
import Foundation
import Streaming
import Testing

@testable import Shards

private func merged(
  _ folder: TemporaryFolder, _ names: [String], mayShareKeys: Bool = false
) throws(DataError) -> MergedSource {
  try MergedSource(names.map { folder[$0] }, mayShareKeys: mayShareKeys, tool: "pipe 1.0.0", options: [:])
}

private func keyed(_ samples: [Sample], _ prefix: String) -> [Sample] {
  samples.map { sample in
    var sample = sample
    sample.key = prefix + sample.key
    return sample
  }
}

private func soft(_ samples: [Sample]) -> [Sample] {
  samples.map { sample in
    var sample = sample
    sample.softLabel = exampleInfo.classNames.indices.map { $0 == sample.label ? 1 : 0 }
    return sample
  }
}

@Suite("Merging") struct MergeTests {
  @Test func `the parts come one after the other, and counts add up`() throws {
    let folder = try TemporaryFolder()
    let (one, two) = (keyed(exampleFloats(5), "a"), keyed(exampleFloats(7, seed: 2), "b"))
    try writeDataset(one, in: folder, "one", maxSamples: 2)
    try writeDataset(two, in: folder, "two", zstdLevel: 3)
    let source = try merged(folder, ["one", "two"])
    #expect(source.info.countPerClass == [5, 4, 3])
    #expect(try allSamples(source) == one + two)
    #expect(source.twins == MergedSource.Twins())
  }

  /// What is changed in the second part, and what is said of it.
  private static let differences: [(what: String, change: @Sendable (inout DatasetInfo) -> Void)] = [
    ("split is test, and there train", { $0.split = .test }),
    ("class 1 is “triangle”, and there “square/ü”", { $0.classNames[1] = "triangle" }),
    ("class 0 is “star”, and there “circle”", { $0.classNames.swapAt(0, 2) }),
    ("class 3 is “more”, and there none", { $0.classNames.append("more") }),
    ("label kind is logit, and there probability", { $0.labelKind = .logit }),
    ("shape is none, and there 3×6×5", { $0.shape = nil }),
    ("normalisation is none, and there mean 0.4914", { $0.normalization = nil }),
    ("normalisation is mean 0.5", { $0.normalization?.mean[0] = 0.5 }),
    ("formation is {\"factor\":2", { $0.formation = Formation(factor: 2) }),
    ("learned learning rate is 0.1, and there none", { $0.learnedLearningRate = 0.1 }),
  ]

  @Test(arguments: differences.indices) func `what does not belong together is refused with the first difference`(
    index: Int
  ) throws {
    let folder = try TemporaryFolder()
    var info = exampleInfo
    info.labelKind = .probability
    try writeDataset(soft(keyed(examplePixels(3), "a")), in: folder, "one", info: info)
    Self.differences[index].change(&info)
    try writeDataset(soft(keyed(examplePixels(3, seed: 3), "b")), in: folder, "two", info: info)
    let error = #expect(throws: DataError.self) { try merged(folder, ["one", "two"]) }
    #expect(error?.fault == .badInput && error?.place == [folder["two"]])
    let expected = "does not belong to \(folder["one"]): \(Self.differences[index].what)"
    #expect(error?.problem.hasPrefix(expected) == true, "\(error?.problem ?? "")")
  }

  @Test func `fields must agree, but for PNG and JPEG`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(keyed(exampleFloats(3), "a"), in: folder, "one")
    try writeDataset(keyed(exampleFloats(3), "b"), in: folder, "two", fields: ["npy", "cls"])
    let error = #expect(throws: DataError.self) { try merged(folder, ["one", "two"]) }
    #expect(
      error?.problem.hasSuffix("fields is npy, cls, and there npy, png, cls, soft.npy, json, txt") == true,
      "\(error?.problem ?? "")")
    let manifest = try Manifest(inFolder: folder["one"])
    var (png, jpg) = (manifest, manifest)
    (png.fields, jpg.fields) = (["png", "cls"], ["jpg", "cls"])
    #expect(PartDifference(png, jpg) == nil)
    jpg.fields = [Manifest.eitherImage, "cls", "txt"]
    #expect(PartDifference(png, jpg)?.what == "fields")
  }

  @Test func `a key of two samples is refused where it occurs, unless all get new ones`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder, "one")
    try writeDataset(examplePixels(4, seed: 8), in: folder, "two")
    let source = try merged(folder, ["one", "two"])
    let error = #expect(throws: DataError.self) { try allSamples(source) }
    #expect(error?.place == [folder["two/shapes-train-000000.tar"], "000000"])
    #expect(error?.problem == "is the key of two samples: one in \(folder["one"]), one in \(folder["two"])")
    #expect(try allSamples(merged(folder, ["one", "two"], mayShareKeys: true)).count == 7)
  }

  @Test func `samples with the same content are counted, whatever their keys and metadata are`() throws {
    let folder = try TemporaryFolder()
    var again = keyed(exampleFloats(4), "b")
    again[0].metadata = Array("{}".utf8)
    again[3].label = (again[3].label + 1) % 3
    try writeDataset(keyed(exampleFloats(4), "a"), in: folder, "one")
    try writeDataset(again, in: folder, "two")
    let source = try merged(folder, ["one", "two"])
    _ = try allSamples(source)
    #expect(source.twins.count == 3)
    #expect(source.twins.first == ["as0 of \(folder["one"])", "bs0 of \(folder["two"])"])
  }

  @Test func `the same dataset twice is refused`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder, "one")
    try FileManager.default.copyItem(atPath: folder["one"], toPath: folder["two"])
    let error = #expect(throws: DataError.self) { try merged(folder, ["one", "two"], mayShareKeys: true) }
    #expect(error?.problem.hasPrefix("is the same dataset as \(folder["one"])") == true)
  }

  @Test func `the history has what the parts share once, and the rest of each part`() throws {
    let folder = try TemporaryFolder()
    let shared = exampleInfo.provenance
    func part(_ name: String, _ steps: [ProvenanceStep]) throws -> String {
      var info = exampleInfo
      info.provenance += steps
      return try writeDataset(keyed(examplePixels(3), name), in: folder, name, info: info).generation
    }
    let (one, two) = (ProvenanceStep(verb: "condense", tool: "t"), ProvenanceStep(verb: "expand", tool: "t"))
    let digests = [
      "part.1": try part("one", [one]), "part.2": try part("two", [two, one]), "part.3": try part("three", []),
    ]
    let history = try merged(folder, ["one", "two", "three"]).info.provenance
    let merge = ProvenanceStep(verb: "merge", tool: "pipe 1.0.0", digests: digests, parts: [[one], [two, one], []])
    #expect(history == shared + [merge])
    // It survives manifest and wire.
    let written = try Manifest(bytes: try encoded(history), path: "x")
    #expect(written.provenance == history)
    #expect(try !merged(folder, ["one", "three"]).areMade)
    #expect(try merged(folder, ["one", "two"]).areMade)
  }

  private func encoded(_ history: [ProvenanceStep]) throws -> [UInt8] {
    var info = exampleInfo
    info.provenance = history
    return Manifest(info: info, fields: ["png", "cls"], counts: [0, 0, 0], observedRange: nil, shards: []).encoded()
  }

  @Test func `latents of two models are not one dataset`() throws {
    let folder = try TemporaryFolder()
    for (name, model) in [("one", "1"), ("two", "2")] {
      var info = exampleInfo
      (info.kind, info.shape, info.normalization) = (.latents, [4], nil)
      info.provenance.append(ProvenanceStep(verb: "encode", tool: "t", digests: ["model": model]))
      let samples = (0..<2).map { index in
        Sample(key: "\(name)\(index)", content: .floats(FloatArray(shape: [4], values: [0, 1, 2, 3])), label: 0)
      }
      try writeDataset(samples, in: folder, name, info: info)
    }
    let error = #expect(throws: DataError.self) { try merged(folder, ["one", "two"]) }
    #expect(error?.problem.contains("pipe encode made") == true, "\(error?.problem ?? "")")
  }

  @Test func `a part that is replaced before its turn is not merged`() throws {
    let folder = try TemporaryFolder()
    for (name, prefix, seed) in [("one", "a", 1), ("two", "b", 2), ("new", "c", 3)] {
      try writeDataset(keyed(examplePixels(3, seed: UInt64(seed)), prefix), in: folder, name)
    }
    let source = try merged(folder, ["one", "two"])
    _ = try source.next()
    try #require(renameSafely(folder["new"], folder["two"], .exchange) == 0)
    let error = #expect(throws: DataError.self) { try allSamples(source) }
    #expect(error?.fault == .temporary && error?.place == [folder["two"]])
    #expect(throws: DataError.self) { try source.next() }
  }
}

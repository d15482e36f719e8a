import Datasets
import Foundation
import Testing

@testable import Shards

/// What was published and could not be read back, or was read as something else.
@Suite struct OutputFaultsTests {
  @Test func `a selection with both kinds of image files keeps the one that there is`() async throws {
    let golden = URL(filePath: #filePath).appending(path: "../../../fixtures/shards-1.0/jpg").standardized.path
    let source = try openSamples([.file(golden)], options: ReadOptions(), log: { _ in })
    var samples: [Sample] = []
    while let sample = try source.next() { samples.append(sample) }
    var info = source.info
    (info.shape, info.normalization) = (nil, nil)
    var drawn = examplePixels(1, channels: info.shape?.first ?? 3)[0]
    drawn.key = "drawn"
    let folder = try TemporaryFolder()
    let manifest = try writeDataset(samples + [drawn], in: folder, info: info, fields: ["png", "jpg", "cls"])
    #expect(manifest.samples == samples.count + 1)
    #expect(try await verifyDataset(at: folder["out"]).damage == [])
    let again = try openSamples([.file(folder["out"])], options: ReadOptions(), log: { _ in })
    var formats: [EncodedImage.Format] = []
    while let sample = try again.next() {
      if case .encoded(let image) = sample.content { formats.append(image.format) }
    }
    #expect(Set(formats) == [.jpg, .png])
  }

  @Test func `an empty array is a fault of its sample`() throws {
    let empty = Field(name: "npy", bytes: npyBytes(FloatArray(shape: [3, 0, 4], values: [])))
    let record = Record(key: "a", fields: [empty, Field(name: "cls", bytes: [48])])
    let error = #expect(throws: DataError.self) { try Sample(record, classCount: 1) }
    #expect(error?.problem == "is an empty array, of shape [3, 0, 4]")
  }

  /// A sound dataset of a later version is neither damaged nor written anew.
  @Test func `a later version is refused and stays`() async throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder)
    let path = "out/\(Manifest.fileName)"
    let manifest = try Manifest(inFolder: folder["out"])
    var text = String(decoding: try folder.bytes(path), as: UTF8.self)
    text = text.replacing("\"\(Manifest.version)\"", with: "\"2.0\"")
    let seal = try #require(Manifest.generation(of: Array(text.utf8), stating: manifest.generation))
    let later = Array(text.replacing(manifest.generation, with: seal).utf8)
    try folder.write(path, later)
    let words = "has format version 2.0, and this program reads \(Manifest.version)"
    let verified = await #expect(throws: DataError.self) { try await verifyDataset(at: folder["out"]) }
    #expect(verified?.problem == words)
    let repaired = #expect(throws: DataError.self) {
      try repairDataset(at: folder["out"], knowing: KnownFacts(formation: .some(nil)), tool: "test")
    }
    #expect(repaired?.problem == words)
    #expect(try folder.bytes(path) == later)
  }

  @Test func `a manifest with one key twice is refused, however the key is spelled`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder)
    let path = "out/\(Manifest.fileName)"
    let text = String(decoding: try folder.bytes(path), as: UTF8.self)
    for key in ["split", "s\\u0070lit"] {
      try folder.write(path, Array("{\"\(key)\": \"test\",\(text.dropFirst())".utf8))
      let error = #expect(throws: DataError.self) { try Manifest(inFolder: folder["out"]) }
      #expect(error?.problem.hasPrefix("has the key split twice") == true, "\(String(describing: error))")
    }
  }

  @Test func `a manifest that contradicts itself is damage`() async throws {
    let changes: [(change: (inout Manifest) -> Void, problem: String)] = [
      ({ $0.valueRange = [-1, 1] }, "has another value_range than [0, 1], which all images have"),
      (
        { $0.formation = Formation(.multi, factor: 99) },
        "its formation of scales of 1 to 99 tiles per side does not fit images of 6×5"
      ),
      (
        { $0.formation = Formation(factor: 2, upsample: "nearest") },
        "its formation enlarges tiles by nearest, and only bilinear is known"
      ),
      ({ $0.labelKind = .probability }, "has labels of the kind probability without the field soft.npy"),
      (
        { manifest in
          manifest.kind = .latents
          manifest.valueRange = nil
        }, "is of the kind latents, which has no field npy"
      ),
    ]
    for (change, problem) in changes {
      let folder = try TemporaryFolder()
      var manifest = try writeDataset(exampleFloats(3), in: folder, fields: ["npy", "png", "cls"])
      #expect(try await verifyDataset(at: folder["out"]).damage == [])
      change(&manifest)
      manifest.generation = String(repeating: "0", count: 64)
      manifest.generation = sha256(manifest.encoded())
      try folder.write("out/\(Manifest.fileName)", manifest.encoded())
      try folder.write("out/\(Manifest.sumsName)", manifest.sums(manifestBytes: manifest.encoded()))
      #expect(try await verifyDataset(at: folder["out"]).damage.map(\.problem) == [problem])
    }
  }

  @Test func `a grey PNG file among images in colour becomes one in colour`() throws {
    let folder = try TemporaryFolder()
    var samples = examplePixels(1) + examplePixels(3, channels: 1).dropFirst()
    guard case .pixels(let grey) = samples[1].content else { return }
    samples[1].content = .encoded(EncodedImage(format: .png, bytes: encodePNG(grey)))
    try writeDataset(samples, in: folder)
    let read = try allSamples(DatasetReader(folder["out"]))
    #expect(read.count == 3)
    for sample in read {
      guard case .encoded(let image) = sample.content else { continue }
      #expect(try image.shape() == [3, 6, 5])
    }
    #expect(try read[1].pixels(limits: Limits()) == grey.inColour())
  }

  @Test func `floats that are left out have no range`() throws {
    let folder = try TemporaryFolder()
    let images = try writeDataset(exampleFloats(3), in: folder, "images", fields: ["png", "cls"])
    #expect(images.fields == ["png", "cls"] && images.observedRange == nil)
    #expect(try writeDataset(exampleFloats(3), in: folder, "floats", fields: ["npy", "cls"]).observedRange != nil)
  }

  @Test func `a link to a shard has the manifest of the shard, and a shard without one is told of`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(exampleFloats(6), in: folder, maxSamples: 3)
    let shard = "out/shapes-train-000001.tar"
    try FileManager.default.createSymbolicLink(atPath: folder["link.tar"], withDestinationPath: folder[shard])
    let linked = try openSamples([.file(folder["link.tar"])], options: ReadOptions(), log: { _ in })
    #expect(linked.info.classNames == exampleInfo.classNames)
    #expect(try allSamples(linked).map(\.key) == ["s3", "s4", "s5"])
    #expect(throws: DataError.self) {
      try openSamples([.file(folder["link.tar"]), .file(folder["link.tar"])], options: ReadOptions(), log: { _ in })
    }
    try folder.write("alone.tar", try folder.bytes(shard))
    var lines: [String] = []
    let alone = try openSamples([.file(folder["alone.tar"])], options: ReadOptions(), log: { lines.append($0) })
    #expect(alone.info.classNames == ["0", "1", "2"])
    #expect(lines.contains { $0.contains("pipe.manifest is not beside it") }, "\(lines)")
  }
}

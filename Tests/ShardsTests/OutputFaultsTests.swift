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
}

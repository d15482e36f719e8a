import Datasets
import Foundation
import Streaming
import Testing

@testable import Shards

/// A source of samples that are at hand.
private final class Samples: SampleSource {
  let info: DatasetInfo
  private var rest: ArraySlice<Sample>

  init(_ samples: [Sample], _ info: DatasetInfo) {
    self.info = info
    rest = samples[...]
  }

  func next() throws(DataError) -> Sample? { rest.popFirst() }
}

private let info: DatasetInfo = {
  var info = exampleInfo
  info.classNames = ["circle", "square", "star"]
  return info
}()

/// Exports to `folder/name`, and publishes.
@discardableResult
private func export(
  _ source: any SampleSource, _ options: ExportOptions, _ folder: TemporaryFolder, _ name: String = "out",
  mixed: Bool = false
) async throws -> ExportSummary {
  let step = ProvenanceStep(verb: "export", tool: "test")
  if options.format.isFolder {
    let made = try NewFolder(folder[name])
    let summary = try await Shards.export(source, options, to: .folder(made), mixedImages: mixed, adding: step)
    try made.publish()
    return summary
  }
  let file = try NewFile(folder[name])
  let place = ExportPlace.file(file.descriptor, name: name, spillFolder: folder.path)
  let summary = try await Shards.export(source, options, to: place, mixedImages: mixed, adding: step)
  try file.publish()
  return summary
}

private func export(
  _ samples: [Sample], _ options: ExportOptions, _ folder: TemporaryFolder, _ name: String = "out",
  info: DatasetInfo = info, mixed: Bool = false
) async throws -> ExportSummary {
  try await export(Samples(samples, info), options, folder, name, mixed: mixed)
}

/// Why an export was refused; nil where it was not, or for a fault of another kind.
private func refusal(
  _ samples: [Sample], _ options: ExportOptions, info: DatasetInfo = info, mixed: Bool = false
) async throws -> String? {
  let folder = try TemporaryFolder()
  do {
    _ = try await export(samples, options, folder, info: info, mixed: mixed)
    return nil
  } catch {
    #expect(try folder.contents() == [], "something was left behind")
    let cause = (error as? PipelineError)?.underlying ?? error
    let found = try #require(cause as? DataError)
    #expect(found.fault == .badInput)
    return found.description
  }
}

@Suite struct ExportTests {
  @Test(arguments: ExportFormat.allCases) func `the same samples give the same bytes`(format: ExportFormat) async throws
  {
    let folder = try TemporaryFolder()
    let (samples, info) = (examplePixels(100), info)
    for name in ["a", "b"] { _ = try await export(samples, ExportOptions(format), folder, name, info: info) }
    let (status, output) = try runProgram("/usr/bin/diff", ["-r", folder["a"], folder["b"]])
    #expect(status == 0, "\(output)")
    #expect(try folder.contents().filter { $0.hasPrefix(".") } == [])
  }

  @Test(arguments: ExportFormat.allCases) func `a changed byte in a shard publishes nothing`(format: ExportFormat)
    async throws
  {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(20), in: folder, "set", info: info)
    var shard = try folder.bytes("set/shapes-train-000000.tar")
    shard[shard.count - 2000] ^= 1
    try FileManager.default.removeItem(atPath: folder["set/shapes-train-000000.tar"])
    try folder.write("set/shapes-train-000000.tar", shard)
    let reader = try DatasetReader(folder["set"])
    await #expect(throws: (any Error).self) { try await export(reader, ExportOptions(format), folder) }
    #expect(try folder.contents().filter { !$0.hasPrefix("set") } == [])
  }

  @Test func `an empty folder is taken, and anything else is not`() async throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder["empty"], withIntermediateDirectories: false)
    _ = try await export(examplePixels(3), ExportOptions(.mds), folder, "empty")
    #expect(try folder.contents("empty") == ["description.json", "index.json", "shard.00000.mds"])
    #expect(throws: DataError.self) { try NewFolder(folder["empty"]) }
    #expect(throws: DataError.self) { try NewFolder(".") }
    #expect(throws: DataError.self) { try NewFolder("\(folder.path)/..") }
    try folder.write("file", [1])
    #expect(throws: DataError.self) { try NewFolder(folder["file"]) }
  }

  @Test func `what appears meanwhile is not overwritten`() async throws {
    let folder = try TemporaryFolder()
    let made = try NewFolder(folder["out"])
    try FileManager.default.createDirectory(atPath: folder["out"], withIntermediateDirectories: false)
    try folder.write("out/mine", [1])
    #expect(throws: DataError.self) { try made.publish() }
    made.discard()
    #expect(try folder.contents() == ["out", "out/mine"])
  }

  /// A copy of what a killed process left has another inode, and is somebody's.
  @Test func `what a killed process left is removed, and a copy of it is not`() throws {
    let folder = try TemporaryFolder()
    let script = """
      set -e
      mkdir left && mkdir left/train && touch left/train/x.png
      cp -r left .out.1.partial
      mv left ".out.$(stat -c %i left).partial"
      """
    #expect(try runProgram("/bin/bash", ["-c", script], in: folder.path).status == 0)
    let made = try NewFolder(folder["out"])
    made.discard()
    #expect(try folder.contents() == [".out.1.partial", ".out.1.partial/train", ".out.1.partial/train/x.png"])
  }

  @Test(arguments: [ExportFormat.npz, .safetensors]) func `arrays need one shape and mixed images become PNG files`(
    format: ExportFormat
  ) async throws {
    let mixed = examplePixels(2) + examplePixels(3, height: 7).dropFirst(2)
    let reason = try await refusal(mixed, ExportOptions(format))
    #expect(
      reason?.contains("000002: has the shape 3×7×5, where the samples before it have 3×6×5") == true, "\(reason ?? "")"
    )
    #expect(try await refusal(mixed, ExportOptions(.tfrecord)) == nil)
    #expect(try await refusal(mixed, ExportOptions(.mds)) == nil)
  }

  @Test(arguments: ExportFormat.allCases) func `samples with other fields than the first are refused`(
    format: ExportFormat
  ) async throws {
    var samples = examplePixels(4)
    samples[2].softLabel = [0, 1, 0]
    #expect(
      try await refusal(samples, ExportOptions(format, losses: [.softLabels]))?.hasPrefix(
        "000002: has the fields soft.npy") == true)
    samples = examplePixels(4)
    samples[3].content = .floats(FloatArray(shape: [3, 6, 5], values: Array(repeating: 0, count: 90)))
    if format != .imageFolder {
      #expect(
        try await refusal(samples, ExportOptions(format))?.contains("is of another kind than the samples before it")
          == true)
    }
  }

  @Test(arguments: ExportFormat.allCases) func `nothing is exported of no samples, and of one key twice`(
    format: ExportFormat
  ) async throws {
    #expect(try await refusal([], ExportOptions(format))?.contains("has no samples") == true)
    let twice = examplePixels(3) + examplePixels(1)
    #expect(try await refusal(twice, ExportOptions(format)) == "000000: is the key of two samples")
  }

  @Test func `an ImageFolder holds no soft labels, latents, sounds or unformed images`() async throws {
    let options = ExportOptions(.imageFolder, losses: [.precision])
    let soft = exampleFloats(3)
    #expect(try await refusal(soft, options)?.contains("--lose soft-labels") == true)
    #expect(try await refusal(soft, ExportOptions(.imageFolder, losses: [.precision, .softLabels])) == nil)
    var other = info
    other.formation = Formation(factor: 2)
    #expect(try await refusal(examplePixels(3), options, info: other)?.contains("add --form") == true)
    other = info
    other.kind = .latents
    other.shape = [4]
    let latents = (0..<3).map {
      Sample(key: "\($0)", content: .floats(FloatArray(shape: [4], values: [0, 1, 2, 3])), label: $0)
    }
    #expect(try await refusal(latents, options, info: other)?.contains("holds latents") == true)
    #expect(try await refusal(latents, ExportOptions(.npz), info: other) == nil)
  }

  @Test func `float images become files only where 8 bits hold them, or where rounding is allowed`() async throws {
    func images(_ value: Float) -> [Sample] {
      (0..<3).map {
        Sample(key: "\($0)", content: .floats(FloatArray(shape: [1, 1, 2], values: [value, 1])), label: $0)
      }
    }
    var grey = info
    grey.shape = [1, 1, 2]
    #expect(try await refusal(images(17 / 255), ExportOptions(.imageFolder), info: grey) == nil)
    let reason = try await refusal(images(1.5), ExportOptions(.imageFolder), info: grey)
    #expect(
      reason?.contains("the largest change is 0.5; 50.0 % of the values lie outside of 0 to 1") == true,
      "\(reason ?? "")")
    let folder = try TemporaryFolder()
    let summary = try await export(images(0.5), ExportOptions(.imageFolder, losses: [.precision]), folder, info: grey)
    #expect(summary.rounding == "the largest change is 0.002")
  }

  @Test func `an ImageFolder has an image of each class`() async throws {
    let reason = try await refusal(examplePixels(2), ExportOptions(.imageFolder))
    #expect(reason?.contains("has no image of class star") == true)
  }

  /// Class names, and whether readers that sort them number them as they are numbered here.
  @Test(
    arguments: [
      (["ant", "bee"], true), (["bee", "ant"], false), (["0", "1", "2", "10"], false), (["B", "a"], false),
      (["img2", "img10"], false), (["Ant", "bee"], true),
      (["a", "B"], false),
      (["a", "a b", "a-b"], true), (["", "a"], false), (["a/b", "c"], false), ([".", "a"], false),
      (["..", "a"], false),
      ([".hidden", "a"], false), (["a", "é"], true), (["é", "z"], false), (["a\u{0}", "b"], false),
      (["a\nb", "c"], false),
      (["a_b", "a/b"], false), ([String(repeating: "x", count: 300), "y"], false), (["e\u{301}", "f"], true),
      (["e\u{301}", "é"], false), (["A", "a"], false), (["\u{fffd}", "😀"], true), (["😀", "\u{fffd}"], false),
    ] as [([String], Bool)])
  func `folders sort as classes are numbered`(names: [String], sorts: Bool) async throws {
    var info = info
    info.classNames = names
    let samples = names.indices.map { label in
      var sample = examplePixels(1)[0]
      (sample.key, sample.label) = ("\(label)", label)
      return sample
    }
    #expect((try await refusal(samples, ExportOptions(.imageFolder), info: info) == nil) == sorts)
    let folder = try TemporaryFolder()
    _ = try await export(samples, ExportOptions(.imageFolder, classFolders: .indexed), folder, info: info)
    let script = """
      import json, os
      names = sorted(entry.name for entry in os.scandir("out/train"))
      found = [os.listdir("out/train/" + name) for name in names]
      assert found == [[f"{number}.png"] for number in range(len(names))], found
      assert json.load(open("out/class_to_idx.json")) == {name: number for number, name in enumerate(names)}
      """
    let (status, output) = try runProgram("/usr/bin/env", ["python3", "-c", script], in: folder.path)
    #expect(status == 0, "\(output)")
  }

  @Test(arguments: [DatasetInfo.Kind.latents, .samples]) func `latents and spectrograms are arrays`(
    kind: DatasetInfo.Kind
  ) async throws {
    var info = info
    let shape = kind == .latents ? [5] : [1, 2, 3]
    (info.kind, info.shape, info.normalization) = (kind, shape, nil)
    if kind == .samples { info.spectrogram = Spectrogram(sampleRate: 16000) }
    let samples = (0..<3).map { label in
      let values = (0..<shape.reduce(1, *)).map { Float($0) - 2.5 * Float(label) }
      return Sample(key: "\(label)", content: .floats(FloatArray(shape: shape, values: values)), label: label)
    }
    #expect(try await refusal(samples, ExportOptions(.imageFolder, losses: [.precision]), info: info) != nil)
    let folder = try TemporaryFolder()
    _ = try await export(samples, ExportOptions(.npz), folder, "a.npz", info: info)
    #expect(
      try runProgram("/usr/bin/env", ["python3", "-m", "zipfile", "-e", "a.npz", "x"], in: folder.path).status == 0)
    let array = try parseNPY(try folder.bytes(kind == .latents ? "x/latents.npy" : "x/images.npy"))
    #expect(array.shape == [3] + shape)
    let expected = samples.flatMap { sample -> [Float] in
      if case .floats(let array) = sample.content { array.values } else { [] }
    }
    #expect(array.values == expected)
    #expect(try parseNPY(try folder.bytes("x/labels.npy")) == FloatArray(shape: [3], values: [0, 1, 2]))
    let about = String(decoding: try folder.bytes("x/description.json"), as: UTF8.self)
    #expect(!about.contains("value_range") && about.contains("spectrogram") == (kind == .samples))
  }

  @Test(arguments: [ExportFormat.mds, .tfrecord]) func `fields with names of the program's own are kept apart`(
    format: ExportFormat
  ) async throws {
    let samples = (0..<3).map { label in
      var sample = examplePixels(1)[0]
      (sample.key, sample.label) = ("\(label)", label)
      sample.extras = ["label", "extra.label", "txt"].map { Field(name: $0, bytes: Array("\($0)!".utf8)) }
      return sample
    }
    let folder = try TemporaryFolder()
    _ = try await export(samples, ExportOptions(format), folder)
    let about = String(decoding: try folder.bytes("out/description.json"), as: UTF8.self)
    for name in ["extra.label", "extra.extra.label", "txt", "label"] { #expect(about.contains("\"\(name)\" : {")) }
  }

  @Test func `JPEG files stay JPEG files, and among others become PNG in a column of MDS`() async throws {
    let jpeg = try jpegFile()
    let samples = (0..<3).map {
      Sample(key: "\($0)", content: .encoded(EncodedImage(format: .jpg, bytes: jpeg)), label: $0)
    }
    let mixed = samples + examplePixels(1)
    #expect(try await refusal(samples, ExportOptions(.mds)) == nil)
    #expect(try await refusal(mixed, ExportOptions(.mds))?.contains("is no JPEG file") == true)
    #expect(try await refusal(mixed, ExportOptions(.mds), mixed: true) == nil)
    #expect(try await refusal(mixed.reversed(), ExportOptions(.mds)) == nil)
    let folder = try TemporaryFolder()
    _ = try await export(mixed, ExportOptions(.imageFolder), folder)
    #expect(try folder.bytes("out/train/circle/0.jpg") == jpeg)
  }

  private func jpegFile() throws -> [UInt8] {
    // Debian's cjpeg is not everywhere; the smallest file is written out: 5×6 pixels, grey, all coefficients zero.
    var bytes: [UInt8] = [0xff, 0xd8, 0xff, 0xdb, 0, 67, 0] + Array(repeating: 1, count: 64)
    bytes += [0xff, 0xc0, 0, 11, 8, 0, 6, 0, 5, 1, 1, 0x11, 0]
    for table in [UInt8(0x00), 0x10] {
      bytes += [0xff, 0xc4, 0, 20, table, 1] + Array(repeating: 0, count: 15) + [0]
    }
    return bytes + [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x3f, 0xff, 0xd9]
  }
}

@Suite struct ExportBytesTests {
  /// RFC 3720, appendix B.4.
  @Test func `CRC-32C is that of iSCSI`() {
    #expect(crc32c(Array(repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(crc32c(Array(repeating: 0xff, count: 32)) == 0x62a8_ab43)
    #expect(crc32c(Array(0..<32)) == 0x46dd_794e)
    #expect(crc32c(Array((0..<32).reversed())) == 0x113f_db5c)
    #expect(crc32c(Array("123456789".utf8)) == 0xe306_9283)
    #expect(crc32c([]) == 0)
  }

  /// The larger numbers of zip64 begin at 4 GiB, here at 1,000 bytes.
  @Test(arguments: [1000, Int(UInt32.max)]) func `python reads a zip archive, with and without zip64`(largest: Int)
    throws
  {
    let folder = try TemporaryFolder()
    let file = try NewFile(folder["a.zip"])
    let zip = ZipWriter(FileOutput(file.descriptor, name: "a.zip"), largest: largest)
    let entries = [("small", 10), ("large", 5000), ("after", 3), ("äöü", 0)]
    for (name, size) in entries {
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
      // What Python computes of it is checked by Python.
      let (_, text) = try runProgram(
        "/usr/bin/env", ["python3", "-c", "import zlib; print(zlib.crc32(bytes(n % 256 for n in range(\(size)))))"])
      let checksum = try #require(UInt32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      try zip.add(name, size: size, checksum: checksum) { (output) throws(DataError) in try output.append(bytes) }
    }
    try zip.finish()
    try file.publish()
    let script = """
      import zipfile
      with zipfile.ZipFile("a.zip") as archive:
          assert archive.testzip() is None
          for name, size in [("small", 10), ("large", 5000), ("after", 3), ("äöü", 0)]:
              assert archive.read(name) == bytes(n % 256 for n in range(size)), name
          assert len(archive.infolist()) == 4
      """
    let (status, output) = try runProgram("/usr/bin/env", ["python3", "-c", script], in: folder.path)
    #expect(status == 0, "\(output)")
  }
}

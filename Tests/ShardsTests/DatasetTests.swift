import Datasets
import Foundation
import Shards
import Testing

@Suite struct DatasetTests {
  @Test func `what goes in comes out, plain and compressed, in one shard or many`() throws {
    for (zstdLevel, maxSamples) in [(nil, 1000), (nil, 3), (3, 1000), (19, 4)] as [(Int?, Int)] {
      for samples in [examplePixels(10), exampleFloats(10)] {
        let folder = try TemporaryFolder()
        let manifest = try writeDataset(samples, in: folder, zstdLevel: zstdLevel, maxSamples: maxSamples)
        #expect(manifest.shards.count == (10 + maxSamples - 1) / maxSamples)
        let source = try DatasetReader(folder["out"])
        #expect(try decoded(try allSamples(source)) == samples)
        #expect(source.manifest == manifest)
        var info = exampleInfo
        info.countPerClass = [4, 3, 3]
        #expect(source.info == info)
      }
    }
  }

  @Test func `names are contiguous, and nothing else is left in the folder`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(7), in: folder, maxSamples: 3)
    #expect(
      try folder.contents() == [
        "out", "out/SHA256SUMS", "out/pipe.manifest", "out/shapes-train-000000.tar", "out/shapes-train-000001.tar",
        "out/shapes-train-000002.tar",
      ])
  }

  @Test func `a shard stays below the size that was asked for`() throws {
    let folder = try TemporaryFolder()
    let manifest = try writeDataset(examplePixels(20), in: folder, maxBytes: 10_240)
    #expect(manifest.shards.allSatisfy { $0.bytes <= 10_240 })
    #expect(manifest.shards.dropLast().allSatisfy { $0.bytes + 2048 > 10_240 })
    // A limit below one sample gives one sample a shard, never an empty one.
    #expect(try writeDataset(examplePixels(3), in: folder, "tiny", maxBytes: 1).shards.map(\.samples) == [1, 1, 1])
  }

  @Test func `the same samples give the same bytes`() throws {
    let folder = try TemporaryFolder()
    for zstdLevel in [nil, 3] {
      let names = ["a\(zstdLevel ?? 0)", "b\(zstdLevel ?? 0)"]
      for name in names { try writeDataset(exampleFloats(9), in: folder, name, zstdLevel: zstdLevel, maxSamples: 4) }
      for file in try folder.contents(names[0]) {
        #expect(try folder.bytes("\(names[0])/\(file)") == folder.bytes("\(names[1])/\(file)"), "\(file)")
      }
    }
  }

  @Test func `tar and sha256sum agree`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(exampleFloats(2), in: folder)
    let listing = try runProgram("/bin/tar", ["tvf", folder["out/shapes-train-000000.tar"], "--utc"])
    #expect(listing.status == 0)
    let lines = listing.output.split(separator: "\n")
    #expect(
      lines.compactMap { $0.split(separator: " ").last } == [
        "s0.npy", "s0.png", "s0.cls", "s0.soft.npy", "s0.json", "s0.txt", "s1.npy", "s1.png", "s1.cls", "s1.soft.npy",
        "s1.json", "s1.txt",
      ])
    #expect(lines.allSatisfy { $0.hasPrefix("-r--r--r-- 0/0 ") && $0.contains("1970-01-01 00:00") })
    let sums = try runProgram("/usr/bin/sha256sum", ["-c", "SHA256SUMS"], in: folder["out"])
    #expect(sums.status == 0)
    #expect(sums.output == "shapes-train-000000.tar: OK\npipe.manifest: OK\n")
  }

  @Test func `a compressed shard is one frame that states its size and has a checksum`() throws {
    let folder = try TemporaryFolder()
    let manifest = try writeDataset(examplePixels(30), in: folder, zstdLevel: 3)
    let path = folder["out/shapes-train-000000.tar.zst"]
    let (status, output) = try runProgram("/usr/bin/zstd", ["-lv", path])
    #expect(status == 0)
    #expect(output.contains("# Zstandard Frames: 1\n"))
    #expect(output.contains("Check: XXH64"))
    let size = try #require(manifest.shards[0].uncompressedBytes)
    #expect(output.contains("(\(size) B)"))
    _ = try runProgram("/usr/bin/zstd", ["-d", path, "-o", folder["plain.tar"]])
    let plain = try folder.bytes("plain.tar")
    #expect(plain.count == size)
    #expect(sha256(plain) == manifest.shards[0].uncompressedSha256)
  }

  @Test func `the generation is the manifest's own digest`() throws {
    let folder = try TemporaryFolder()
    let manifest = try writeDataset(examplePixels(3), in: folder)
    let text = String(decoding: try folder.bytes("out/pipe.manifest"), as: UTF8.self)
    let blank = text.replacingOccurrences(of: manifest.generation, with: String(repeating: "0", count: 64))
    #expect(blank != text)
    #expect(sha256(Array(blank.utf8)) == manifest.generation)
  }

  @Test func `latents are kept as latent.npy, and read and verified as they were`() async throws {
    let folder = try TemporaryFolder()
    var info = exampleInfo
    info.kind = .latents
    info.shape = [4]
    let samples = (0..<5).map { index in
      let latent = FloatArray(shape: [4], values: (0..<4).map { Float(index) - Float($0) / 3 })
      return Sample(key: "s\(index)", content: .floats(latent), label: index % 3)
    }
    let writer = try DatasetWriter(
      ShardOptions(
        directory: folder["latents"], namePrefix: "latents", zstdLevel: nil, maxBytes: 1 << 20, maxSamples: .max,
        fields: nil), info: info)
    for sample in samples { try writer.write(sample) }
    #expect(try writer.finish(info: info).fields == ["latent.npy", "cls"])
    let reader = try DatasetReader(folder["latents"])
    var read: [Sample] = []
    while let sample = try reader.next() { read.append(sample) }
    #expect(read == samples && reader.info.kind == .latents)
    let report = try await verifyDataset(at: folder["latents"])
    #expect(report.damage.isEmpty)
  }

  @Test func `--fields selects, and turns JPEG into PNG only where that is asked for`() throws {
    let folder = try TemporaryFolder()
    #expect(try writeDataset(exampleFloats(2), in: folder, "a", fields: ["npy", "cls"]).fields == ["npy", "cls"])
    #expect(try writeDataset(exampleFloats(2), in: folder, "b", fields: ["png", "cls"]).fields == ["png", "cls"])
    #expect(throws: DataError.self) { try writeDataset(exampleFloats(2), in: folder, "c", fields: ["png", "json"]) }
    #expect(throws: DataError.self) { try writeDataset(exampleFloats(2), in: folder, "d", fields: ["cls", "json"]) }
    #expect(throws: DataError.self) {
      try writeDataset(examplePixels(2), in: folder, "e", fields: ["png", "cls", "txt"])
    }
  }

  // MARK: Nothing half-written is ever seen

  @Test func `a folder that holds anything is refused and left alone`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder)
    let before = try folder.bytes("out/pipe.manifest")
    let error = #expect(throws: DataError.self) { try writeDataset(exampleFloats(3), in: folder) }
    #expect(error?.fault == .cannotCreate)
    #expect(try folder.bytes("out/pipe.manifest") == before)
    try FileManager.default.createDirectory(atPath: folder["mine"], withIntermediateDirectories: false)
    try folder.write("mine/notes.txt", [65])
    #expect(throws: DataError.self) { try writeDataset(exampleFloats(3), in: folder, "mine") }
    #expect(try folder.contents("mine") == ["notes.txt"])
  }

  @Test func `a writer that fails, and one that is dropped, leave nothing behind`() throws {
    let folder = try TemporaryFolder()
    var samples = examplePixels(7)
    samples[6].key = samples[2].key
    let error = #expect(throws: DataError.self) { try writeDataset(samples, in: folder, maxSamples: 2) }
    #expect(error?.fault == .badInput)
    #expect(error?.place == ["000002"])
    #expect(try folder.contents() == [])
    do {
      let writer = try DatasetWriter(ShardOptions(directory: folder["out"], namePrefix: "x"), info: exampleInfo)
      try writer.write(samples[0])
      #expect(try folder.contents("out") == [".pipe-unfinished", ".x-train-000000.tar.partial"])
    }
    #expect(try folder.contents() == [])
  }

  @Test func `a set without samples is refused`() throws {
    let folder = try TemporaryFolder()
    #expect(throws: DataError.self) { try writeDataset([], in: folder) }
    #expect(try folder.contents() == [])
  }

  @Test func `samples with different fields are refused`() throws {
    let folder = try TemporaryFolder()
    var samples = examplePixels(3)
    samples[1].metadata = Array("{}".utf8)
    let error = #expect(throws: DataError.self) { try writeDataset(samples, in: folder) }
    #expect(error?.place == ["000001"])
    #expect(error?.problem == "has the fields png, cls, json, where every sample before had png, cls")
  }

  @Test func `a field that shards never hold may be left out`() throws {
    let folder = try TemporaryFolder()
    var samples = examplePixels(2)
    for index in samples.indices { samples[index].extras = [Field(name: "pkl", bytes: [1])] }
    #expect(throws: DataError.self) { try writeDataset(samples, in: folder) }
    #expect(try writeDataset(samples, in: folder, fields: ["png", "cls"]).fields == ["png", "cls"])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func `values that are not finite are refused`(value: Float)
    throws
  {
    let folder = try TemporaryFolder()
    for isSoft in [false, true] {
      var samples = exampleFloats(3)
      if isSoft {
        samples[1].softLabel?[2] = value
      } else if case .floats(var array) = samples[1].content {
        array.values[7] = value
        samples[1].content = .floats(array)
      }
      let error = #expect(throws: DataError.self) { try writeDataset(samples, in: folder) }
      #expect(error?.fault == .badInput && error?.place.first == "s1", "\(String(describing: error))")
      #expect(error?.problem == "holds values that are not finite")
      #expect(try folder.contents() == [])
    }
  }

  @Test func `soft labels that are to be probabilities are`() throws {
    let folder = try TemporaryFolder()
    var info = exampleInfo
    info.labelKind = .probability
    var samples = exampleFloats(2)
    for index in samples.indices { samples[index].softLabel = [0.25, 0.5, 0.25] }
    try writeDataset(samples, in: folder, "sound", info: info)
    samples[1].softLabel = [5, -1, -3]
    #expect(throws: DataError.self) { try writeDataset(samples, in: folder, info: info) }
  }

  @Test func `a sample of another size than all are to have is refused`() throws {
    let folder = try TemporaryFolder()
    let large = examplePixels(2, height: 7)
    let file = EncodedImage(format: .png, bytes: try #require(try encodedPNG(of: large[1])))
    for content in [
      large[1].content, .encoded(file), .floats(FloatArray(shape: [1, 6, 5], values: Array(repeating: 0, count: 30))),
    ] {
      var samples = examplePixels(2)
      samples[1].content = content
      let error = #expect(throws: DataError.self) { try writeDataset(samples, in: folder) }
      #expect(error?.place == ["000001"] && error?.problem.hasSuffix("where all are to have 3×6×5") == true)
      #expect(try folder.contents() == [])
    }
    // Grey ones may be among colour images.
    try writeDataset(examplePixels(1) + examplePixels(2, channels: 1).suffix(1), in: folder)
  }

  /// The file that a dataset of one such sample holds.
  private func encodedPNG(of sample: Sample) throws -> [UInt8]? {
    let folder = try TemporaryFolder()
    var info = exampleInfo
    info.shape = nil
    try writeDataset([sample], in: folder, info: info)
    if case .encoded(let image)? = try allSamples(DatasetReader(folder["out"])).first?.content { return image.bytes }
    return nil
  }

  // MARK: Damage

  @Test(arguments: [("factor\" : 2", "factor\" : 3"), ("\"cat\"", "\"cab\"")])
  func `nobody reads by a manifest that was changed`(old: String, new: String) throws {
    let folder = try TemporaryFolder()
    var info = exampleInfo
    info.classNames[0] = "cat"
    info.formation = Formation(factor: 2)
    try writeDataset(examplePixels(3), in: folder, info: info)
    #expect(try allSamples(DatasetReader(folder["out"])).count == 3)
    let text = String(decoding: try folder.bytes("out/pipe.manifest"), as: UTF8.self)
    #expect(text.contains(old))
    try folder.write("out/pipe.manifest", Array(text.replacingOccurrences(of: old, with: new).utf8))
    let error = #expect(throws: DataError.self) { try DatasetReader(folder["out"]) }
    #expect(error?.fault == .badInput && error?.problem.hasPrefix("was changed after it was written") == true)
    #expect(error?.remedy?.contains("--accept-manifest") == true)
  }

  @Test func `a manifest of another major version is refused, an unknown key is not`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder)
    let text = String(decoding: try folder.bytes("out/pipe.manifest"), as: UTF8.self)
    func read(_ old: String, _ new: String) throws -> Int {
      #expect(text.contains(old))
      try folder.write("out/pipe.manifest", Array(text.replacingOccurrences(of: old, with: new).utf8))
      return try allSamples(try DatasetReader(folder["out"])).count
    }
    #expect(try read("\"format_version\" : \"1.0\"", "\"format_version\" : \"1.9\", \"later\" : [{}]") == 3)
    let error = #expect(throws: DataError.self) {
      try read("\"format_version\" : \"1.0\"", "\"format_version\" : \"2.0\"")
    }
    #expect(error?.problem.contains("2.0") == true)
    #expect(throws: DataError.self) { try read("\"complete\" : true", "\"complete\" : false") }
    #expect(throws: DataError.self) { try read("shapes-train-000000.tar", "../shapes-train-000000.tar") }
  }

  @Test func `a reader finds every flipped bit and every cut of a shard`() throws {
    for zstdLevel in [nil, 3] {
      let folder = try TemporaryFolder()
      let manifest = try writeDataset(examplePixels(4), in: folder, zstdLevel: zstdLevel)
      let path = "out/\(manifest.shards[0].name)"
      let whole = try folder.bytes(path)
      func read() throws { _ = try allSamples(try DatasetReader(folder["out"])) }
      for length in stride(from: 0, to: whole.count, by: 512) {
        try folder.write(path, Array(whole[..<length]))
        let error = #expect(throws: DataError.self) { try read() }
        #expect(error?.fault == .badInput)
        #expect(error?.place.first == folder[path])
      }
      var random = Sequence32(seed: 3)
      for _ in 0..<200 {
        var bytes = whole
        bytes[Int.random(in: 0..<whole.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        try folder.write(path, bytes)
        #expect(throws: DataError.self) { try read() }
      }
      try folder.write(path, whole)
      try read()
    }
  }
}

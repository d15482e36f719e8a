import Datasets
import Foundation
import Shards
import Streaming
import Synchronization
import Testing

/// Samples in memory; fails where it is told to.
private final class Source: SampleSource {
  let info = exampleInfo
  private var rest: ArraySlice<Sample>
  private let failure: DataError?

  init(_ samples: [Sample], failure: DataError? = nil) {
    rest = samples[...]
    self.failure = failure
  }

  func next() throws(DataError) -> Sample? {
    if let sample = rest.popFirst() { return sample }
    if let failure { throw failure }
    return nil
  }
}

/// The stage before a sink of shards, with all options as they are.
private func packForShards() throws -> Pack {
  try Pack(for: ShardOptions(directory: "", namePrefix: "x"), info: exampleInfo)
}

@Suite struct StreamTests {
  @Test func `a flow hands out every sample of a source, once and in order`() async throws {
    let all = examplePixels(100)
    let flow = samples(of: Source(all), stage: "read")
    var found: [Sample] = []
    for try await sample in flow { found.append(sample) }
    #expect(found == all)
    #expect(try await flow.next() == nil)
  }

  @Test func `a flow fails where its source fails, after the samples before`() async throws {
    let failure = DataError(.badInput, at: ["x.tar"], "is damaged")
    let flow = samples(of: Source(examplePixels(40), failure: failure), stage: "read")
    var count = 0
    do {
      while try await flow.next() != nil { count += 1 }
      Issue.record("the flow ended without its source's failure")
    } catch {
      #expect(error.stage == "read")
      #expect(error.underlying as? DataError == failure)
    }
    #expect(count == 40)
  }

  @Test func `chunks hold every sample, some at a time, and the failure comes after the samples before`() async throws {
    let failure = DataError(.badInput, at: ["x.tar"], "is damaged")
    let all = examplePixels(100)
    let flow = chunks(of: Source(all, failure: failure), stage: "read")
    var sizes: [Int] = []
    var found: [Sample] = []
    let error = await #expect(throws: PipelineError.self) {
      while let chunk = try await flow.next() {
        sizes.append(chunk.count)
        found += try chunk.compactMap { try $0.finished() }
      }
    }
    #expect(error?.underlying as? DataError == failure)
    #expect(sizes == [32, 32, 32, 4])
    #expect(found == all)
  }

  @Test func `what was encoded in chunks is what was written one by one`() async throws {
    let folder = try TemporaryFolder()
    let all = examplePixels(150)
    try writeDataset(all, in: folder, "single", maxSamples: 40)
    let options = ShardOptions(directory: folder["chunks"], namePrefix: "shapes", maxSamples: 40)
    let sink = ShardSink(options, describing: Source(all))
    _ = try await Pack(for: options, info: exampleInfo).run(from: chunks(of: Source(all), stage: "read"), into: sink)
    #expect(try folder.contents("chunks") == folder.contents("single"))
    for name in try folder.contents("single") {
      #expect(try folder.bytes("chunks/\(name)") == folder.bytes("single/\(name)"), "\(name)")
    }
  }

  @Test func `a copy of a dataset to the wire has every byte of its shards`() async throws {
    let folder = try TemporaryFolder()
    let all = exampleFloats(70)
    try writeDataset(all, in: folder, maxSamples: 30)
    try folder.write("wire", [])
    let file = try #require(FileHandle(forWritingAtPath: folder["wire"]))
    try await DatasetReader(folder["out"]).copy(to: WireWriter(to: file.fileDescriptor))
    let shards = try folder.contents("out").filter { $0.hasSuffix(".tar") }
    let members = try shards.flatMap { try folder.bytes("out/\($0)").dropLast(1024) }
    let wire = try folder.bytes("wire")
    // The header's own member says how long it is.
    let size = try #require(Int(String(decoding: wire[124..<135], as: UTF8.self), radix: 8))
    let first = 512 + (size + 511) / 512 * 512
    #expect(wire[first..<first + members.count].elementsEqual(members), "the same bytes")
    #expect(try allSamples(try reader(wire)) == all)
  }

  @Test func `a sample that cannot be encoded is named, and nothing is published`() async throws {
    let folder = try TemporaryFolder()
    var all = examplePixels(70)
    all[40].key = "not a key"
    let options = ShardOptions(directory: folder["out"], namePrefix: "x")
    let source = Source(all)
    let sink = ShardSink(options, describing: source)
    let error = await #expect(throws: PipelineError.self) {
      try await Pack(for: options, info: exampleInfo).run(from: chunks(of: source, stage: "read"), into: sink)
    }
    #expect((error?.underlying as? DataError)?.place == ["not a key"])
    #expect(try folder.contents() == [])
  }

  @Test func `a pipeline from a source through the wire to shards loses nothing`() async throws {
    let folder = try TemporaryFolder()
    let all = exampleFloats(50)
    try folder.write("wire", [])
    let file = try #require(FileHandle(forWritingAtPath: folder["wire"]))
    let sink = WireSink(named: "decode", to: WireWriter(to: file.fileDescriptor), info: exampleInfo)
    let stream = Pack(forStreamOf: exampleInfo)
    #expect(try await stream.run(from: chunks(of: Source(all), stage: "read"), into: sink) == 50)
    let reader = try openSamples([.file(folder["wire"])], options: ReadOptions(), log: { _ in })
    let shards = ShardSink(ShardOptions(directory: folder["out"], namePrefix: "x"), describing: reader)
    let manifest = try await packForShards().run(from: chunks(of: reader, stage: "read"), into: shards)
    #expect(manifest.samples == 50)
    #expect(try allSamples(try openSamples([.file(folder["out"])], options: ReadOptions(), log: { _ in })) == all)
  }

  @Test func `a failure upstream reaches the reader of the wire, and no shard is published`() async throws {
    let folder = try TemporaryFolder()
    try folder.write("wire", [])
    let file = try #require(FileHandle(forWritingAtPath: folder["wire"]))
    let source = Source(examplePixels(3), failure: DataError(.badInput, at: ["x.tar"], "is damaged"))
    let writer = WireWriter(to: file.fileDescriptor)
    let failed = await #expect(throws: PipelineError.self) {
      try await Pack(forStreamOf: exampleInfo).run(
        from: chunks(of: source, stage: "read"), into: WireSink(named: "decode", to: writer, info: exampleInfo))
    }
    writer.fail(exitCode: 65, sentence: "\(try #require(failed).underlying)")
    let reader = try WireReader(ByteSource(.file(folder["wire"])))
    let shards = ShardSink(ShardOptions(directory: folder["out"], namePrefix: "x"), describing: reader)
    let error = await #expect(throws: PipelineError.self) {
      try await packForShards().run(from: chunks(of: reader, stage: "read"), into: shards)
    }
    let cause = try #require(error?.underlying as? DataError)
    #expect(cause.fault == .upstream(exitCode: 65))
    #expect(cause.problem == "the program before this one failed: x.tar: is damaged")
    #expect(try folder.contents() == ["wire"])
  }

  @Test func `an unfinished wire publishes nothing, wherever it stops`() async throws {
    let folder = try TemporaryFolder()
    let whole = try wire(examplePixels(4))
    let header = 512 + 1024
    for length in stride(from: header, to: whole.count, by: 512) {
      let reader = try reader(Array(whole[..<length]))
      let options = ShardOptions(directory: folder["out"], namePrefix: "x", maxSamples: 1)
      let shards = ShardSink(options, describing: reader)
      let error = await #expect(throws: PipelineError.self) {
        try await packForShards().run(from: chunks(of: reader, stage: "read"), into: shards)
      }
      #expect((error?.underlying as? DataError)?.fault == .temporary)
      #expect(try folder.contents() == [])
    }
  }
}

extension StreamTests {
  /// The digests of inputs are made beside the samples, and may be what is waited for in the end.
  @Test func `who is cancelled while its digests are made publishes nothing`() async throws {
    let folder = try TemporaryFolder()
    let options = ShardOptions(directory: folder["out"], namePrefix: "x")
    let (asked, ask) = AsyncStream<Void>.makeStream()
    let (released, release) = AsyncStream<Void>.makeStream()
    let work = Task {
      let source = Source(examplePixels(3))
      let sink = ShardSink(options, describing: source) { () throws(DataError) in
        ask.finish()
        for await () in released {}
        return ProvenanceStep(verb: "shard", tool: "pipe", options: [:], digests: [:])
      }
      return try await Pack(for: options, info: exampleInfo).run(from: chunks(of: source, stage: "read"), into: sink)
    }
    for await () in asked {}
    work.cancel()
    release.finish()
    let error = await #expect(throws: PipelineError.self) { try await work.value }
    #expect(error?.isCancellation == true)
    #expect(try folder.contents() == [])
  }
}

@Suite struct OpenSamplesTests {
  @Test func `a wire, a dataset and one shard of it are recognised, and said`() throws {
    let folder = try TemporaryFolder()
    let all = exampleFloats(5)
    try folder.write("wire", try wire(all))
    try writeDataset(all, in: folder, maxSamples: 3)
    _ = try runProgram("/usr/bin/zstd", ["-q", folder["wire"], "-o", folder["wire.zst"]])
    for (name, expected) in [
      ("wire", 0..<5), ("wire.zst", 0..<5), ("out", 0..<5), ("out/shapes-train-000001.tar", 3..<5),
    ] {
      let log = Mutex<[String]>([])
      let source = try openSamples([.file(folder[name])], options: ReadOptions()) { line in
        log.withLock { $0.append(line) }
      }
      #expect(try allSamples(source) == Array(all[expected]), "\(name)")
      #expect(log.withLock { $0.count } == 1)
    }
  }

  /// A condensation learns its formation and normalisation on the way: who only renames it must not lose them.
  @Test func `what the end of a stream says of its samples survives options that change something else`() throws {
    let folder = try TemporaryFolder()
    var final = exampleInfo
    final.formation = Formation(factor: 2)
    final.provenance.append(ProvenanceStep(verb: "condense", tool: "pipe 1.0.0", options: ["steps": "7"]))
    var header = exampleInfo
    header.normalization = nil
    let bytes = try captured { writer in
      try writer.begin(header)
      for sample in examplePixels(6) { try writer.write(sample) }
      try writer.finish(info: final)
    }
    try folder.write("wire", bytes)
    for options in [ReadOptions(name: "other"), ReadOptions(classes: ["circle", "star"]), ReadOptions()] {
      let source = try openSamples([.file(folder["wire"])], options: options, log: { _ in })
      #expect(source.info.formation == nil)
      _ = try allSamples(source)
      #expect(source.info.formation == final.formation && source.info.normalization == final.normalization)
      #expect(source.info.provenance == final.provenance)
      #expect(source.info.name == options.name ?? "shapes")
      #expect(source.info.classNames.count == (options.classes.isEmpty ? 3 : 2))
    }
  }

  @Test func `what the end of a stream says is passed on`() async throws {
    let folder = try TemporaryFolder()
    var final = exampleInfo
    final.formation = Formation(factor: 2)
    final.provenance.append(ProvenanceStep(verb: "condense", tool: "pipe 1.0.0", options: ["steps": "7"]))
    let bytes = try captured { writer in
      try writer.begin(exampleInfo)
      for sample in examplePixels(6) { try writer.write(sample) }
      try writer.finish(info: final)
    }
    try folder.write("wire", [])
    let file = try #require(FileHandle(forWritingAtPath: folder["wire"]))
    let source = try reader(bytes)
    let step = ProvenanceStep(verb: "decode", tool: "pipe 1.0.0", options: ["name": "other"])
    let sink = WireSink(
      named: "decode", to: WireWriter(to: file.fileDescriptor), describing: source, adding: step)
    _ = try await Pack(forStreamOf: source.info).run(from: chunks(of: source, stage: "read"), into: sink)
    let passed = try reader(try folder.bytes("wire"))
    _ = try allSamples(passed)
    #expect(passed.info.formation == final.formation)
    #expect(passed.info.provenance == final.provenance + [step])
  }

  @Test func `digests are those of the files, and a dataset's is its generation`() throws {
    let folder = try TemporaryFolder()
    try folder.write("a", [97])
    let manifest = try writeDataset(examplePixels(2), in: folder)
    #expect(
      try sourceDigests(of: [.file(folder["a"])])
        == ["source": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"])
    #expect(
      try sourceDigests(of: [.file(folder["out"]), .file(folder.path)]) == ["source.1": manifest.generation])
  }

  @Test func `condensed data is named after its method`() {
    var info = exampleInfo
    #expect(info.folderName == "shapes")
    info.provenance.append(
      ProvenanceStep(verb: "condense", tool: "pipe 1.0.0", options: ["method": "m3d", "ipc": "10", "seed": "0"]))
    #expect(info.folderName == "shapes-m3d-ipc10")
    info.provenance[1].options["ipc"] = "circle=5,star=2"
    #expect(info.folderName == "shapes-m3d")
    // In front of a file's name, a dash is an option to other programs.
    info.provenance.removeLast()
    for (name, folder) in [("ünï", "n-"), ("写真", "dataset"), ("_a", "a"), ("-", "dataset")] {
      info.name = name
      #expect(info.folderName == folder)
    }
  }
}

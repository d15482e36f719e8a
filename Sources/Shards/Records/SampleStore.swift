internal import Datasets
internal import Glibc
public import Streaming

/// In which order samples are written.
public enum SampleOrder: Sendable, Equatable {
  /// As they come.
  case unchanged
  /// Class by class in index order, samples of a class as they come.
  case byClass
  /// In an order that depends on the seed and the samples' keys, and on nothing else.
  case shuffled(seed: Int)
}

/// Packed samples in a temporary file without a name, to be counted before they are written, or written in another order.
///
/// The file is in `TMPDIR`, or `/var/tmp`, and as large as the samples' archive; memory is about 100 bytes for each sample.
public final class SampleStore: Sendable {
  private let file: SpillFile
  private let entries: [PackedChunk.Entry]
  /// Where each entry begins in the file; where the last one ends.
  private let offsets: [Int]

  /// Samples in it.
  public var count: Int { entries.count }

  fileprivate init(_ file: SpillFile, _ entries: [PackedChunk.Entry], _ offsets: [Int]) {
    (self.file, self.entries, self.offsets) = (file, entries, offsets)
  }

  /// The samples in that order, in chunks.
  ///
  /// Reading runs on a thread of its own; `times` learns how long it took.
  public func chunks(in order: SampleOrder, stage: String, times: WorkTimes? = nil) -> Flow<PackedChunk> {
    let reader = StoreReader(self, sequence(in: order), times: times)
    return Flow { () async throws(PipelineError) -> PackedChunk? in
      do throws(DataError) {
        return try await reader.next()
      } catch {
        throw PipelineError(stage: stage, underlying: error)
      }
    }
  }

  /// The samples' members, as an archive.
  func records() throws(DataError) -> RecordReader {
    let input = try FileInput(duplicating: file.descriptor, name: file.name)
    let blocks = BlockReader(name: file.name, endingEarly: .io) { (buffer) throws(DataError) in
      try input.read(into: buffer)
    }
    return RecordReader(blocks, limits: Limits())
  }

  private func sequence(in order: SampleOrder) -> [Int] {
    switch order {
    case .unchanged: return Array(entries.indices)
    case .byClass:
      return entries.indices.sorted { (entries[$0].label, $0) < (entries[$1].label, $1) }
    case .shuffled(let seed):
      let ranks = entries.map { shuffleRank($0.key, seed: seed) }
      return entries.indices.sorted { (ranks[$0], entries[$0].key, $0) < (ranks[$1], entries[$1].key, $1) }
    }
  }

  /// The samples of these numbers as one chunk.
  fileprivate func chunk(_ numbers: ArraySlice<Int>) throws(DataError) -> PackedChunk {
    var chosen: [PackedChunk.Entry] = []
    var end = 0
    for number in numbers {
      var entry = entries[number]
      end += offsets[number + 1] - offsets[number]
      entry.end = end
      chosen.append(entry)
    }
    var bytes = [UInt8](repeating: 0, count: end)
    var start = 0
    for number in numbers {
      let size = offsets[number + 1] - offsets[number]
      try file.read(into: &bytes, start..<start + size, from: offsets[number])
      start += size
    }
    return PackedChunk(chosen, bytes)
  }

  fileprivate func size(of number: Int) -> Int { offsets[number + 1] - offsets[number] }
}

/// The place of a sample in a shuffle: FNV-1a over its key, begun with the seed, and mixed.
///
/// Samples in the order of their ranks are shuffled: the order depends on nothing but seed and keys.
private func shuffleRank(_ key: String, seed: Int) -> UInt64 {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
  withUnsafeBytes(of: UInt64(bitPattern: Int64(seed)).littleEndian) { $0.forEach(take) }
  key.utf8.forEach(take)
  hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
  hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
  return hash ^ hash >> 31
}

/// The end of a pipeline that keeps the samples in a store.
public struct StoreSink: Sink {
  /// The name that errors show.
  public let name: String
  private let times: WorkTimes?

  /// A sink; `times` learns how long it wrote.
  public init(named name: String, times: WorkTimes? = nil) {
    self.name = name
    self.times = times
  }

  /// Keeps every sample of the flow.
  ///
  /// - Throws: a failure of a stage above, unchanged, or this sink's own, a `DataError` (`.cannotCreate`, `.io`).
  public func consume(_ flow: Flow<PackedChunk>) async throws(PipelineError) -> SampleStore {
    let thread = SinkThread<StoreWriter>(name, times: times)
    try await thread.open { () throws(DataError) in try StoreWriter() }
    try await thread.write(flow) { (writer, chunk) throws(DataError) in try writer.write(chunk) }
    return try await thread.use { (writer) throws(DataError) in try writer.finish() }
  }
}

/// Fills a store.
private final class StoreWriter {
  private let file: SpillFile
  private let output: FileOutput
  private var entries: [PackedChunk.Entry] = []
  private var offsets = [0]

  init() throws(DataError) {
    file = try SpillFile()
    output = FileOutput(file.descriptor, name: file.name)
  }

  func write(_ chunk: PackedChunk) throws(DataError) {
    let start = offsets[offsets.count - 1]
    for entry in chunk.entries {
      entries.append(entry)
      offsets.append(start + entry.end)
    }
    try file.explained { () throws(DataError) in try output.append(chunk.bytes) }
  }

  func finish() throws(DataError) -> SampleStore {
    try file.explained { () throws(DataError) in
      try output.append(endOfArchive)
      try output.flush()
    }
    return SampleStore(file, entries, offsets)
  }
}

/// A temporary file without a name.
private final class SpillFile: Sendable {
  let name: String
  let descriptor: Int32

  init() throws(DataError) {
    name = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
    descriptor = openSpillFile(in: name)
    guard descriptor >= 0 else {
      throw systemError(
        .cannotCreate, at: [name], "no temporary file can be made", remedy: "set TMPDIR to a folder with space")
    }
  }

  deinit { close(descriptor) }

  /// `body`, with what to do about its failure.
  func explained(_ body: () throws(DataError) -> Void) throws(DataError) {
    do throws(DataError) {
      try body()
    } catch {
      var error = error
      error.remedy = "the samples are kept there until all have come; set TMPDIR to a folder with space"
      throw error
    }
  }

  func read(into bytes: inout [UInt8], _ range: Range<Int>, from position: Int) throws(DataError) {
    var done = 0
    while done < range.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[(range.lowerBound + done)..<range.upperBound])
        return pread(descriptor, rest.baseAddress, rest.count, position + done)
      }
      if count > 0 {
        done += count
      } else if count == 0 {
        throw DataError(.io, at: [name], "a temporary file is shorter than what was written to it")
      } else if errno != EINTR {
        throw systemError(.io, at: [name], "a temporary file cannot be read")
      }
    }
  }
}

/// Reads a store on its own thread.
///
/// Unchecked: a flow is iterated by one task at a time, which waits while the thread reads.
private final class StoreReader: @unchecked Sendable {
  private let store: SampleStore
  private let sequence: [Int]
  private let times: WorkTimes?
  private let thread = BlockingThread(name: "pipe read")
  private var position = 0

  init(_ store: SampleStore, _ sequence: [Int], times: WorkTimes?) {
    (self.store, self.sequence, self.times) = (store, sequence, times)
  }

  func next() async throws(DataError) -> PackedChunk? {
    guard position < sequence.count else { return nil }
    return try await thread.run { [self] () throws(DataError) in
      let start = position
      var size = 0
      while position < sequence.count, position - start < 256, size < 1 << 20 {
        size += store.size(of: sequence[position])
        position += 1
      }
      return try times.measure("read back") { () throws(DataError) in try store.chunk(sequence[start..<position]) }
    }
  }
}

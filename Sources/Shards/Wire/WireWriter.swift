public import Datasets
internal import Glibc
internal import Synchronization

/// Writes the stream that carries samples from one process to the next: a header, samples, an end member.
///
/// A reader takes a stream without its end member for a failed one, so a writer that is dropped publishes nothing.
/// See `docs/shard-format.md`.
///
/// Unchecked: used by one task at a time; `fail` may come from any thread.
public final class WireWriter: @unchecked Sendable {
  /// `F_SETPIPE_SZ`, which Glibc's module does not show.
  private static let setPipeSize: Int32 = 1031
  private let output: FileOutput
  /// Held while bytes are written.
  private let turn = Mutex(())
  private var fields: SampleFields?
  private var classCount = 0
  private var hashing = false
  /// Samples written.
  private(set) var samples = 0

  /// Writes to a descriptor, which stays the caller's to close.
  public init(to descriptor: Int32) {
    output = FileOutput(descriptor, name: "the output stream")
    // A larger pipe means fewer changes between writer and reader; where this is no pipe, nothing happens.
    _ = fcntl(descriptor, Self.setPipeSize, 1 << 20)
  }

  /// Writes the header, which the reader sees at once.
  ///
  /// - Throws: `DataError` (`.io`) when writing fails.
  public func begin(_ info: DatasetInfo) throws(DataError) {
    precondition(fields == nil, "a wire begins once")
    fields = SampleFields(streaming: info.kind)
    classCount = info.classNames.count
    try inTurn { () throws(DataError) in
      try writeControl("header", WireHeader(info: info))
      try output.flush()
    }
  }

  /// Writes one sample: decoded pixels as PNG, floats as npy, everything else as it came.
  ///
  /// - Throws: `DataError`: `.badInput` when the sample breaks the format's rules, `.io` when writing fails.
  public func write(_ sample: Sample) throws(DataError) {
    guard let fields else { preconditionFailure("a wire was written to before it began") }
    let chunk = PackedChunk([PendingSample(sample)], as: fields)
    try write(chunk)
    if let (_, error) = chunk.failure { throw error }
  }

  /// Writes the samples of a chunk; its failure is the caller's business.
  func write(_ chunk: PackedChunk) throws(DataError) {
    for entry in chunk.entries {
      precondition(
        (0..<classCount).contains(entry.label), "sample \(entry.key) has label \(entry.label) of \(classCount) classes")
    }
    try inTurn { () throws(DataError) in
      if !hashing {
        try output.startHash()
        hashing = true
      }
      try output.append(chunk.bytes)
    }
    samples += chunk.count
  }

  /// Ends the stream: without this call the reader refuses it.
  ///
  /// `info` is the description as it is in the end, where that was not known at the beginning: steps that were reached,
  /// for instance. Its classes and kind are those of the header.
  ///
  /// - Throws: `DataError` (`.io`) when writing fails.
  public func finish(info: DatasetInfo? = nil) throws(DataError) {
    precondition(fields != nil, "a wire was finished before it began")
    try inTurn { () throws(DataError) in
      if !hashing { try output.startHash() }
      try writeControl("end", WireEnd(samples: samples, sha256: try output.finishHash(), info: info))
      try output.append(endOfArchive)
      try output.flush()
    }
  }

  /// Ends the stream with the reason why there is no more of it; the reader leaves with the same exit code.
  ///
  /// Does its best: where the stream itself is broken, or something is being written to it at this very moment, the reader
  /// sees an unfinished one.
  public func fail(exitCode: Int32, sentence: String) {
    _ = turn.withLockIfAvailable { _ in
      do throws(DataError) {
        try writeControl("error", WireError(exitCode: exitCode, sentence: sentence))
        try output.append(endOfArchive)
        try output.flush()
      } catch {
        return
      }
    }
  }

  private func inTurn(_ body: () throws(DataError) -> Void) throws(DataError) {
    try turn.withLock { _ throws(DataError) in try body() }
  }

  private func writeControl(_ name: String, _ value: some Encodable) throws(DataError) {
    try output.append(member(named: RecordReader.controlPrefix + name, encodeJSON(value, indented: false)))
  }
}

public import Datasets

/// Reads the stream that `WireWriter` writes, and refuses every one that is not whole.
///
/// Samples are handed out as they arrive; that they were all there is only known when `next` returns nil.
public final class WireReader: SampleSource {
  /// What the header says of all samples; after the last one, what the end member says.
  public private(set) var info: DatasetInfo
  private let records: RecordReader
  private let place: String
  private var samples = 0
  private var outcome: Result<Void, DataError>?

  /// Reads the header.
  ///
  /// - Throws: `DataError`: `.temporary` when the stream ends too early, `.upstream` when the writer failed and said so,
  ///   `.badInput` when this is no wire of a version known here.
  public convenience init(_ source: ByteSource, limits: Limits = Limits()) throws(DataError) {
    try self.init(name: source.name, limits: limits) { (buffer) throws(DataError) in try source.read(into: buffer) }
  }

  init(name: String, limits: Limits, fill: @escaping BlockReader.Fill) throws(DataError) {
    place = name
    let blocks = BlockReader(
      name: name, endingEarly: .temporary, remedy: "the program that wrote it did not finish; see its message",
      fill: fill)
    records = RecordReader(blocks, limits: limits)
    switch try records.next() {
    case .control("header", let bytes):
      let place = [name, RecordReader.controlPrefix + "header"]
      try decodeJSON(FormatStamp.self, from: bytes, at: place)
        .check(format: WireHeader.format, version: WireHeader.version, at: place)
      info = try decodeJSON(WireHeader.self, from: bytes, at: place).info
      guard !info.classNames.isEmpty else { throw DataError(.badInput, at: place, "names no classes") }
      try info.check(at: place)
    case .control("error", let bytes):
      throw Self.upstreamError(bytes, at: name)
    default:
      throw DataError(.badInput, at: [name], "does not begin with \(RecordReader.controlPrefix)header")
    }
  }

  /// The next sample, nil after the end member, when everything has arrived as it was sent; see `SampleSource`.
  ///
  /// - Throws: as `init`.
  public func next() throws(DataError) -> Sample? {
    guard let record = try nextRecord() else { return nil }
    do throws(DataError) {
      return try Sample(record, classCount: info.classNames.count)
    } catch {
      outcome = .failure(error.at(place))
      throw error.at(place)
    }
  }

  /// The next sample, whose fields are still to be read; see `SampleSource`.
  ///
  /// - Throws: as `init`.
  public func nextPending() throws(DataError) -> PendingSample? {
    guard let record = try nextRecord() else { return nil }
    return PendingSample(record, classCount: info.classNames.count, place: place)
  }

  private func nextRecord() throws(DataError) -> Record? {
    if let outcome {
      try outcome.get()
      return nil
    }
    do throws(DataError) {
      switch try records.next() {
      case .record(let record):
        samples += 1
        return record
      case .control("end", let bytes):
        try checkEnd(bytes)
        outcome = .success(())
        return nil
      case .control("error", let bytes):
        throw Self.upstreamError(bytes, at: place)
      case .control(let name, _):
        throw DataError(.badInput, at: [place, RecordReader.controlPrefix + name], "has no place between samples")
      case .endOfArchive:
        throw DataError(.badInput, at: [place], "has no \(RecordReader.controlPrefix)end member")
      }
    } catch {
      outcome = .failure(error)
      throw error
    }
  }

  private func checkEnd(_ bytes: [UInt8]) throws(DataError) {
    let place = [self.place, RecordReader.controlPrefix + "end"]
    let end = try decodeJSON(WireEnd.self, from: bytes, at: place)
    guard end.samples == samples else {
      throw DataError(.badInput, at: place, "counts \(end.samples) samples, and \(samples) arrived")
    }
    let digest = records.recordDigest ?? sha256([])
    guard end.sha256 == digest else {
      throw DataError(.badInput, at: place, "gives SHA-256 \(end.sha256), and what arrived has \(digest)")
    }
    guard try records.next() == .endOfArchive else {
      throw DataError(.badInput, at: place, "is followed by more members")
    }
    if let final = end.info {
      guard final.classNames == info.classNames, final.kind == info.kind, final.split == info.split else {
        throw DataError(.badInput, at: place, "describes other classes than the header")
      }
      try final.check(at: place)
      info = final
    }
  }

  private static func upstreamError(_ bytes: [UInt8], at place: String) -> DataError {
    do throws(DataError) {
      let place = [place, RecordReader.controlPrefix + "error"]
      let error = try decodeJSON(WireError.self, from: bytes, at: place)
      guard (1...255).contains(error.exitCode) else {
        throw DataError(.badInput, at: place, "gives exit code \(error.exitCode), which is none of a failure")
      }
      return DataError(
        .upstream(exitCode: error.exitCode), at: [place[0]], "the program before this one failed: \(error.sentence)")
    } catch {
      return error
    }
  }
}

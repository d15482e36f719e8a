public import Datasets

extension SampleStore {
  /// The samples again, in the order in which they came, under a description that was known when all had come.
  ///
  /// - Throws: `DataError` (`.io`).
  public func source(describedBy info: DatasetInfo, leavingOut skipped: BadSamples?) throws(DataError)
    -> any SampleSource
  {
    StoredSource(try records(), count: count, info: info, skipped: skipped)
  }
}

/// Reads the samples of a store.
private final class StoredSource: SampleSource {
  let info: DatasetInfo
  let skipped: BadSamples?
  private let records: RecordReader
  private var left: Int
  private var failure: DataError?

  init(_ records: RecordReader, count: Int, info: DatasetInfo, skipped: BadSamples?) {
    (self.records, left, self.info, self.skipped) = (records, count, info, skipped)
  }

  func next() throws(DataError) -> Sample? {
    guard let record = try nextRecord() else { return nil }
    return try Sample(record, classCount: info.classNames.count)
  }

  func nextPending() throws(DataError) -> PendingSample? {
    guard let record = try nextRecord() else { return nil }
    return PendingSample(record, classCount: info.classNames.count, place: info.name)
  }

  private func nextRecord() throws(DataError) -> Record? {
    if let failure { throw failure }
    guard left > 0 else { return nil }
    left -= 1
    do throws(DataError) {
      guard case .record(let record) = try records.next() else {
        throw DataError(.io, at: [info.name], "the temporary file of its samples holds something else")
      }
      return record
    } catch {
      failure = error
      throw error
    }
  }
}

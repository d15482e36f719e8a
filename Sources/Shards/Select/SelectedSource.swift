public import Datasets
public import Streaming

/// The selected samples of a dataset, unchanged but for labels where classes are numbered anew.
///
/// Shards are read up to the last selected sample, and the one that holds it to its end; those of which the manifest says that they hold
/// nothing of the selected classes are left out. Every sample that was handed out has been checked against its shard's SHA-256 when
/// `next` returns nil.
public final class SelectedSource: SampleSource {
  private let reader: DatasetReader
  private let selection: SampleSelection
  private let step: ProvenanceStep?
  private let classCount: Int
  /// Samples that were handed out, by their old labels.
  private var delivered: [Int]
  /// Samples that are still to come, by the manifest's counts.
  private var left: Int
  private var failure: DataError?
  private var ended = false
  private var settled: DatasetInfo?

  /// The samples of `reader` that `selection` asks for; `step`, if there is one, is added to their history.
  public init(_ reader: DatasetReader, _ selection: SampleSelection, adding step: ProvenanceStep?) {
    precondition(selection.classes.keeps.count == reader.info.classNames.count, "a selection belongs to one dataset")
    self.reader = reader
    self.selection = selection
    self.step = step
    classCount = selection.applied(to: reader.info).classNames.count
    let counts = reader.manifest.countsPerClass
    delivered = [Int](repeating: 0, count: counts.count)
    let selected = zip(counts, selection.classes.keeps).reduce(0) { sum, entry in
      entry.1 ? sum + min(entry.0, selection.perClass ?? .max) : sum
    }
    left = min(selected, selection.take ?? .max)
    reader.leaveOutShards(without: selection.classes.keeps)
  }

  /// Samples that are selected, by the manifest's counts.
  public var count: Int { left + delivered.reduce(0, +) }

  /// What is true of the selected samples; with exact counts after the last one.
  public var info: DatasetInfo {
    if let settled { return settled }
    var info = selection.applied(to: reader.info)
    if let step { info.provenance.append(step) }
    return info
  }

  /// The next sample; see `SampleSource`.
  ///
  /// - Throws: as `DatasetReader.next`, or `.badInput` where no sample is selected, or one has no label left.
  public func next() throws(DataError) -> Sample? {
    guard let record = try nextRecord() else { return nil }
    return try Sample(record, classCount: classCount)
  }

  /// The next sample, whose fields are still to be read; see `SampleSource`.
  ///
  /// - Throws: as `next`.
  public func nextPending() throws(DataError) -> PendingSample? {
    guard let record = try nextRecord() else { return nil }
    return PendingSample(record, classCount: classCount, place: reader.place)
  }

  /// Copies every selected sample to a stream, each byte that is not a new label as it stands in the shards.
  ///
  /// `times` learns how long that took, `progress` is told of every chunk.
  ///
  /// - Throws: a `DataError` as of `next`, or `.io` when writing fails.
  public func copy(
    to writer: WireWriter, times: WorkTimes? = nil, progress: @escaping ProgressHandler = { _ in }
  ) async throws(PipelineError) {
    let info = info
    let stages = pipeline {
      PackRecords(times: times)
      Counted<PackedChunk>(as: "cat", total: count, units: \.count, progress: progress)
    }
    // Asked after the flow has ended, when nobody else touches it.
    nonisolated(unsafe) let source = self
    let sink = WireSink(named: "cat", to: writer, info: info, times: times) { source.settled }
    let records = recordChunks(stage: "cat", times: times) { () throws(DataError) in try source.nextRecord() }
    _ = try await stages.run(from: records, into: sink)
  }

  private func nextRecord() throws(DataError) -> Record? {
    if let failure { throw failure }
    if ended { return nil }
    do throws(DataError) {
      while left > 0, let record = try reader.nextRecord() {
        if let selected = try selected(record) {
          left -= 1
          return selected
        }
      }
      try reader.finishShard()
      guard left == 0 else {
        throw DataError(
          .badInput, at: [reader.place],
          "the dataset ends \(counted(left, "sample")) short of what its manifest counts of the selected classes",
          remedy: "see what pipe verify says")
      }
    } catch {
      failure = error
      throw error
    }
    ended = true
    settle()
    return nil
  }

  /// The record with its new label; nil for one that is not selected.
  private func selected(_ record: Record) throws(DataError) -> Record? {
    let oldCount = delivered.count
    do throws(DataError) {
      let label = try record.label(classCount: oldCount)
      if let easiest = selection.easiest, try !easiest.contains(record.key, label: label) { return nil }
      guard let newLabel = selection.classes.newLabels[label],
        selection.perClass.map({ delivered[label] < $0 }) ?? true
      else { return nil }
      delivered[label] += 1
      guard selection.classes.renumbers else { return record }
      var record = record
      for (index, field) in record.fields.enumerated() {
        switch field.name {
        case "cls": record.fields[index].bytes = Array(String(newLabel).utf8)
        case "soft.npy": record.fields[index].bytes = try relabelled(field.bytes, of: record.key)
        default: continue
        }
      }
      return record
    } catch {
      throw error.at(reader.place)
    }
  }

  private func relabelled(_ bytes: [UInt8], of key: String) throws(DataError) -> [UInt8] {
    do throws(DataError) {
      let soft = try parseNPY(bytes)
      guard soft.shape == [delivered.count] else {
        throw DataError(
          .badInput, at: [], "has shape \(soft.shape), where \([delivered.count]) is one value per class")
      }
      let left = try selection.classes.applied(toSoftLabel: soft.values, kind: reader.info.labelKind)
      return npyBytes(FloatArray(shape: [left.count], values: left))
    } catch {
      throw error.at("soft.npy").at(key)
    }
  }

  /// Counts what there was, after the last sample.
  private func settle() {
    var final = info
    final.countPerClass = zip(delivered, selection.classes.keeps).compactMap { count, stays in
      stays || !selection.classes.renumbers ? count : nil
    }
    settled = final
  }
}

public import Datasets
internal import Glibc
public import Streaming

/// Where an export goes.
public enum ExportPlace: Sendable {
  /// One file: an open descriptor, its name for messages, and a folder for temporary files.
  case file(Int32, name: String, spillFolder: String)
  /// A folder that is published by its owner.
  case folder(NewFolder)
}

/// What an export did.
public struct ExportSummary: Sendable {
  /// Samples written.
  public var samples: Int
  /// Fields that the format does not hold.
  public var leftOut: [String]
  /// What was lost of float pixels, in words; nil where nothing was.
  public var rounding: String?
}

/// Writes every sample of a source in the format of another program; publishing is the caller's.
///
/// `info` describes what the source learned by its end, with the step that is added to the history.
///
/// - Throws: `PipelineError` of a `DataError`: damaged input, samples that are not alike, what the format cannot hold, and failures
///   to write.
public func export(
  _ source: any SampleSource, _ options: ExportOptions, to place: ExportPlace, mixedImages: Bool,
  adding step: ProvenanceStep?, times: WorkTimes? = nil, progress: @escaping ProgressHandler = { _ in }
) async throws -> ExportSummary {
  let source = try PeekedSource(source)
  let info = source.info
  let layout = try ExportLayout(
    of: source.first, in: options.format, info: info, mixed: mixedImages, limits: options.limits)
  func run<Writer: ExportWriter>(
    _ make: @escaping @Sendable () throws(DataError) -> Writer
  ) async throws -> ExportSummary {
    let encode = Writer.encoder(layout, info, options)
    let stages = pipeline {
      Parallel<[PendingSample], ExportChunk>("export", lanes: processors) {
        ExportChunk($0, times: times, encode: encode)
      }
      Counted<ExportChunk>(
        as: "export", total: info.countPerClass?.reduce(0, +), units: \.count, progress: progress)
    }
    let sink = ExportSink(
      source: source, layout: layout, step: step, mustBeFormed: options.mustBeFormed, times: times, make: make)
    return try await stages.run(from: chunks(of: source, stage: "export", times: times), into: sink)
  }
  switch (options.format, place) {
  case (.npz, .file(let descriptor, let name, let spill)):
    return try await run { () throws(DataError) in
      try NPZExport(layout, info, to: FileOutput(descriptor, name: name), spillingInto: spill)
    }
  case (.safetensors, .file(let descriptor, let name, let spill)):
    return try await run { () throws(DataError) in
      try SafetensorsExport(layout, info, to: FileOutput(descriptor, name: name), spillingInto: spill)
    }
  case (.imageFolder, .folder(let folder)):
    return try await run { () throws(DataError) in try ImageFolderExport(layout, info, options, in: folder) }
  case (.mds, .folder(let folder)):
    return try await run { () throws(DataError) in try MDSExport(layout, info, options, in: folder) }
  case (.tfrecord, .folder(let folder)):
    return try await run { () throws(DataError) in try TFRecordExport(layout, info, options, in: folder) }
  default:
    preconditionFailure("\(options.format) was given a place of the wrong kind")
  }
}

/// The end of the pipeline of an export.
///
/// Unchecked: the source is asked for its description after the flow has ended, when nobody else touches it.
private struct ExportSink<Writer: ExportWriter>: Sink, @unchecked Sendable {
  let name = "export"
  let source: PeekedSource
  let layout: ExportLayout
  let step: ProvenanceStep?
  let mustBeFormed: Bool
  let times: WorkTimes?
  let make: @Sendable () throws(DataError) -> Writer

  /// What is counted on the way.
  private final class Tally {
    var counts: [Int]
    /// Hash values of the keys, which stand for them.
    var keys: Set<Int> = []
    var rounding = Rounding()

    init(_ classes: Int) { counts = Array(repeating: 0, count: classes) }

    func add(_ sample: ExportedSample) throws(DataError) {
      guard keys.insert(sample.key.hashValue).inserted else {
        throw DataError(.badInput, at: [sample.key], "is the key of two samples")
      }
      counts[sample.label] += 1
      if let rounding = sample.rounding { self.rounding.add(rounding) }
    }
  }

  func consume(_ flow: Flow<ExportChunk>) async throws(PipelineError) -> ExportSummary {
    let thread = SinkThread<Writer>(name, times: times)
    nonisolated(unsafe) let tally = Tally(source.info.classNames.count)
    do throws(PipelineError) {
      try await thread.open(make)
      while let chunk = try await flow.next() {
        try await thread.use { (writer) throws(DataError) in
          for sample in chunk.samples {
            try tally.add(sample)
            try writer.write(sample)
          }
        }
        if let (key, error) = chunk.failure {
          // The data's own errors name the sample already.
          throw PipelineError(stage: name, sampleKey: error.place.first == key ? nil : key, underlying: error)
        }
      }
      let info = try finalInfo()
      return try await thread.use { [layout] (writer) throws(DataError) in
        let description = ExportDescription(
          info, counts: tally.counts, layout: layout, fields: writer.fields, leftOut: writer.leftOut)
        try writer.finish(description)
        return ExportSummary(
          samples: description.samples, leftOut: writer.leftOut,
          rounding: tally.rounding.isLoss ? tally.rounding.words : nil)
      }
    } catch {
      await thread.abandon()
      throw error
    }
  }

  private func finalInfo() throws(PipelineError) -> DatasetInfo {
    do throws(DataError) {
      try source.conclude()
    } catch {
      throw PipelineError(stage: name, underlying: error)
    }
    var info = source.info
    // A stream may tell it at its end only.
    if mustBeFormed, let formation = info.formation, formation.multiplicity > 1 {
      throw PipelineError(
        stage: name,
        underlying: DataError(
          .badInput, at: [info.name],
          "said only at its end that each image holds \(formation.multiplicity) training images",
          remedy: "make shards first, with pipe shard, and export these with --form"))
    }
    if let step { info.provenance.append(step) }
    return info.leavingOut(source.skipped)
  }
}

/// A source whose first sample was looked at.
private final class PeekedSource: SampleSource {
  private let source: any SampleSource
  /// The first sample.
  let first: Sample
  private var isFirst = true

  /// - Throws: `DataError`: as the source, or `.badInput` where it has no samples.
  init(_ source: any SampleSource) throws(DataError) {
    self.source = source
    var found: Sample?
    while found == nil, let pending = try source.nextPending() { found = try pending.finished() }
    guard let found else {
      try source.conclude()
      throw DataError(.badInput, at: [source.info.name], "has no samples, and nothing to export")
    }
    first = found
  }

  var info: DatasetInfo { source.info }
  var skipped: BadSamples? { source.skipped }

  func next() throws(DataError) -> Sample? {
    guard isFirst else { return try source.next() }
    isFirst = false
    return first
  }

  func nextPending() throws(DataError) -> PendingSample? {
    guard isFirst else { return try source.nextPending() }
    isFirst = false
    return PendingSample(first)
  }

  func conclude() throws(DataError) { try source.conclude() }
}

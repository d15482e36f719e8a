import Command
import Datasets
import Foundation
import Methods
import Networks
import Shards
import Stages
import Streaming

/// `pipe condense`: real samples in, a condensed set out, as the stream that `pipe shard` reads.
let condenseVerb = VerbRunner("condense") { invocation in
  let arguments = invocation.arguments
  if arguments.given("model") {
    try await condenseLatents(invocation)
    return .ok
  }
  let report = invocation.report
  var request = try CondenseRequest(arguments)
  request.partition = try arguments.partition(
    "partition", environment: ProcessInfo.processInfo.environment)
  if let partition = request.partition { report.log("part \(partition.part) of \(partition.parts)") }
  let reading = try ReadOptions(arguments)
  var surroundings = try await Surroundings(invocation)
  if let path = arguments.path("trajectories") {
    request.trajectories = try await surroundings.compute(for: .making) { try TrajectoryFile(contentsOf: path) }
  }
  if let path = arguments.path("start-from") {
    request.warmStart = try await surroundings.compute(for: .making) {
      try WarmStart(
        TrainingImages(reading: openSamples([Input(path: path)], options: ReadOptions(), log: { report.log($0) })),
        named: path)
    }
  }
  if let path = arguments.path("checkpoint") {
    let interval = arguments.duration("checkpoint-every") ?? 120
    request.checkpoint = try await checkpoint(path, every: interval, of: request, in: surroundings)
    if let found = request.checkpoint?.found { surroundings.spend(found.seconds) }
  } else if arguments.given("checkpoint-every") {
    // Not a relation of the options: pipe run names the file by itself.
    throw UsageError("--checkpoint-every needs --checkpoint: there is no file to keep up to date")
  }
  var context = surroundings.context(invocation)
  context.announce = { [request] estimate in
    for line in estimate.lines(for: request) { report.log(line) }
  }
  // Goes again if nothing comes of it.
  let created = try arguments.path("snapshots").map(CreatedFolders.init)
  defer { withExtendedLifetime(created) {} }
  if let directory = arguments.path("snapshots") {
    context.snapshotEvery = arguments.integer("snapshot-every")
    context.snapshot = { step, info, samples in
      publish(samples, info, to: directory, step: step, report: report)
    }
  }

  let chosen = context
  _ = try await emitWhole(invocation, options: reading) { source in
    try own(source, of: &request, options: reading, log: { report.log($0) })
  } make: { info in
    let asked = request
    let promised = try asked.promise(of: info, tool: toolVersion)
    try asked.checkMemory(for: info, memoryLimit: chosen.memoryLimit, machine: chosen.machineMemory)
    return (CondenseStage(asked, of: info, tool: toolVersion, in: chosen), promised)
  } announce: { estimate in
    chosen.announce(estimate)
    report.estimate(seconds: estimate.seconds, memoryBytes: estimate.decodedBytes + estimate.workingBytes)
  }
  return .ok
}

/// The samples of the classes that the run makes something of, where its input is a dataset that tells which shards hold them; otherwise all.
///
/// The request learns what is known of the others.
private func own(
  _ source: any SampleSource, of request: inout CondenseRequest, options: ReadOptions, log: (String) -> Void
) throws -> any SampleSource {
  guard request.partition != nil, let reader = source as? DatasetReader, options.onBadSample == .fail
  else { return source }
  guard let measured = reader.manifest.measured else {
    log("its manifest does not tell which shards hold which classes, so that all are read; see pipe shard --by-class")
    return source
  }
  let counts = reader.manifest.countsPerClass
  guard try request.needsOwnClassesAlone(of: reader.info, samples: counts) else {
    log("networks are trained on the images of all classes, so that all are read; --trajectories FILE would save that")
    return source
  }
  let keeps = try request.ownClasses(of: reader.info, samples: counts)
  request.whole = CondenseRequest.KnownSet(
    counts: counts, digest: measured.source, normalization: measured.normalization)
  let selected = SelectedSource(
    reader, SampleSelection(classes: ClassSelection(keeping: keeps, renumbering: false)), adding: nil)
  log(
    "reads \(grouped(selected.count)) of \(grouped(reader.manifest.samples)) samples, in \(reader.shardCount) of "
      + "\(counted(reader.manifest.shards.count, "shard"))")
  return selected
}

/// The place for checkpoints, with what an earlier run of the same command line left there.
///
/// - Throws: `DataError` where it cannot be written, or holds something else.
private func checkpoint(
  _ path: String, every interval: Double, of request: CondenseRequest, in surroundings: Surroundings
) async throws -> CondenseRequest.Checkpoint {
  // Found out now, and not after two minutes.
  try NewFile(path).discard()
  let isThere = FileManager.default.fileExists(atPath: path)
  let found = isThere ? try await surroundings.compute(for: .making) { try CheckpointFile(contentsOf: path) } : nil
  var asked = request
  let place = CondenseRequest.Checkpoint(path: path, found: found, interval: interval)
  asked.checkpoint = place
  try asked.checkCheckpoint(tool: toolVersion)
  return place
}

/// Publishes a snapshot as a dataset of its own; the run is worth more than a snapshot, so failure is only reported.
private func publish(_ samples: [Sample], _ info: DatasetInfo, to directory: String, step: Int, report: Reporter) {
  let folder = "\(directory)/step-\(zeroPadded(step, digits: 6))"
  do {
    let writer = try DatasetWriter(
      ShardOptions(
        directory: folder, namePrefix: info.folderName, zstdLevel: nil, maxBytes: 64 << 20, maxSamples: .max,
        fields: nil),
      info: info)
    for sample in samples { try writer.write(sample) }
    _ = try writer.finish(info: info)
    report.log("step \(step): wrote \(folder)")
  } catch {
    report.warn("no snapshot of step \(step): \(error)")
  }
}

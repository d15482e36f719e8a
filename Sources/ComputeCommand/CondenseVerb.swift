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
    request.checkpoint = try await checkpoint(path, every: interval, of: request, in: surroundings, invocation)
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
  do {
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
  } catch {
    throw removingCheckpoint(of: request, that: error, invocation)
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
/// A step of `pipe run` begins anew where that is damaged or something else: nobody has typed the name of the file.
///
/// - Throws: `DataError` where it cannot be written, or holds something else.
private func checkpoint(
  _ path: String, every interval: Double, of request: CondenseRequest, in surroundings: Surroundings,
  _ invocation: Invocation
) async throws -> CondenseRequest.Checkpoint {
  // Found out now, and not after two minutes.
  try NewFile(path).discard()
  var asked = request
  var place = CondenseRequest.Checkpoint(path: path, interval: interval)
  asked.checkpoint = place
  // Whether there are any, before one is read.
  try asked.checkCheckpoint(tool: toolVersion)
  guard FileManager.default.fileExists(atPath: path) else { return place }
  do {
    let found = try await surroundings.compute(for: .making) { try CheckpointFile(contentsOf: path) }
    place.found = found
    asked.checkpoint = place
    try asked.checkCheckpoint(tool: toolVersion)
  } catch let error as DataError where Lifeline.isHeld && error.fault != .temporary {
    place.found = nil
    invocation.report.warn("\(DataError(error.fault, at: error.place, error.problem)); the step begins anew")
    if !invocation.arguments.flag("dry-run") { try? FileManager.default.removeItem(atPath: path) }
  }
  return place
}

/// What ends a step of `pipe run` whose checkpoint turns out to be of other images or networks: it goes, and the run begins the step anew.
///
/// Any other error stays as it is, and so does a checkpoint that somebody has typed.
private func removingCheckpoint(
  of request: CondenseRequest, that error: any Error, _ invocation: Invocation
) -> any Error {
  guard Lifeline.isHeld, !invocation.arguments.flag("dry-run"), let place = request.checkpoint, place.found != nil,
    let refusal = ((error as? PipelineError)?.underlying ?? error) as? DataError, refusal.fault == .badInput,
    refusal.place == [place.path]
  else { return error }
  try? FileManager.default.removeItem(atPath: place.path)
  return DataError(.temporary, at: refusal.place, "\(refusal.problem); it is removed", remedy: "the run begins anew")
}

/// Removes a snapshot of an earlier run of the same pipeline; whatever else has that name stays, and is in the way.
private func removeSnapshot(_ folder: String) throws {
  guard isFolder(folder), case .dataset = try DatasetFolder(folder),
    try Manifest(inFolder: folder).provenance.last?.verb == "condense"
  else { return }
  try DatasetFolder.remove(folder)
}

/// Publishes a snapshot as a dataset of its own; the run is worth more than a snapshot, so failure is only reported.
///
/// One of an earlier run of a pipeline makes way: that is last night's.
private func publish(_ samples: [Sample], _ info: DatasetInfo, to directory: String, step: Int, report: Reporter) {
  let folder = "\(directory)/step-\(zeroPadded(step, digits: 6))"
  do {
    if Lifeline.isHeld { try removeSnapshot(folder) }
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

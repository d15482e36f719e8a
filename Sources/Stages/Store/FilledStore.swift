public import Datasets
public import Streaming

/// The whole upstream, decoded and sorted by class: what stages start with whose methods need random access.
///
/// - Parameters:
///   - info: describes the samples that come.
///   - name: the stage, for errors.
///   - mayLack: whether a class, by its name, may have no samples.
///   - admit: asked of every sample; throws for one that the stage cannot take.
public func filledStore(
  from upstream: Flow<Sample>, of info: DatasetInfo, stage name: String,
  in surroundings: RunContext, mayLack: (String) -> Bool = { _ in false },
  admit: (Sample) throws(DataError) -> Void = { _ in }
) async throws(PipelineError) -> ClassStore {
  var builder = ClassStoreBuilder(
    info: info, limits: surroundings.limits, memoryLimit: surroundings.memoryLimit,
    spillDirectory: surroundings.spillDirectory)
  var done = 0
  func report() {
    surroundings.progress(
      ProgressEvent(stage: "read", done: done, total: info.countPerClass?.reduce(0, +), unit: "samples"))
  }
  for try await sample in upstream {
    do throws(DataError) {
      try admit(sample)
      try builder.add(sample)
    } catch {
      throw PipelineError(stage: name, sampleKey: sample.key, underlying: error)
    }
    done += 1
    if done.isMultiple(of: 500) { report() }
  }
  report()
  do throws(DataError) {
    return try builder.finish(mayLack: mayLack)
  } catch {
    throw PipelineError(stage: name, underlying: error)
  }
}

extension Stage {
  /// Runs the pipeline: pulls everything from `source` through the stages into `sink`.
  ///
  /// All concurrent work belongs to one task group in here. When the sink ends or fails, the group is cancelled and
  /// waited for: nothing of the pipeline runs any more when this returns.
  ///
  /// - Throws: the failure of the stage or sink that failed; a cancellation when the calling task was cancelled before
  ///   the end, even if the sink took its flow for complete.
  public func run<S: Sink<Output>>(from source: Flow<Input>, into sink: S) async throws(PipelineError) -> S.Summary {
    var wiring = Wiring()
    let flow = connect(source, &wiring)
    return try await drive(flow, wiring, into: sink)
  }
}

extension Flow {
  /// Runs a pipeline without stages: pulls everything into `sink`.
  ///
  /// - Throws: as ``Stage/run(from:into:)``.
  public func run<S: Sink<Element>>(into sink: S) async throws(PipelineError) -> S.Summary {
    try await drive(self, Wiring(), into: sink)
  }
}

private func drive<S: Sink>(
  _ flow: Flow<S.Input>, _ wiring: Wiring, into sink: S
) async throws(PipelineError) -> S.Summary {
  let outcome: Result<S.Summary, PipelineError> = await withDiscardingTaskGroup { group in
    for pump in wiring.pumps {
      group.addTask(executorPreference: pump.executor) { await pump.body() }
    }
    defer { group.cancelAll() }
    do throws(PipelineError) {
      return .success(try await sink.consume(flow))
    } catch {
      return .failure(error)
    }
  }
  // The sink cannot be trusted with this: it may have ended its loop early, or have seen the end of a cut stream.
  if case .success = outcome, Task.isCancelled { throw .cancelled(stage: sink.name) }
  return try outcome.get()
}

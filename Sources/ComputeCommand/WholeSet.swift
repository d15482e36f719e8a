import Command
import Datasets
import Shards
import Stages
import Streaming

/// A stage that takes in a whole set before it emits anything, and knows only then what that will be.
protocol WholeSetStage: Stage<Sample, Sample> {
  /// What the emitted samples are; known from the first of them on.
  var described: DatasetInfo? { get }

  /// What a run will take.
  associatedtype Estimate: Sendable

  /// What a run over these samples will take; nothing is made.
  func estimate(_ upstream: Flow<Sample>) async throws(PipelineError) -> Estimate
}

extension CondenseStage: WholeSetStage {}
extension ExpandStage: WholeSetStage {}

/// Runs such a stage over the inputs, and writes what it emits.
///
/// With `--dry-run` it announces the estimate instead, and writes nothing.
///
/// - Parameters:
///   - options: how the inputs are read.
///   - narrow: leaves out of the inputs what the stage needs not see.
///   - make: makes the stage for the set that is described, with what it promises: the reader learns at once what will come,
///     and refuses at once if it has no place for it.
/// - Returns: The stage, which has run; nil after a dry run.
func emitWhole<S: WholeSetStage>(
  _ invocation: Invocation, options: ReadOptions,
  narrowing narrow: (any SampleSource) throws -> any SampleSource = { $0 },
  make: (DatasetInfo) async throws -> (stage: S, promised: DatasetInfo), announce: (S.Estimate) -> Void
) async throws -> S? {
  guard invocation.arguments.flag("dry-run") else {
    return try await writeStream(invocation) { writer in
      let source = try narrow(try described(invocation, options))
      let (stage, promised) = try await make(source.info)
      let encoded = pipeline {
        Buffered<Sample>(capacity: 64)
        stage
        Chunked()
        Pack(forStreamOf: promised)
      }
      // Asked when the flow has ended, and nobody else reads from it.
      nonisolated(unsafe) let read = source
      let sink = WireSink(
        named: stage.name, to: writer, info: promised, final: { stage.described?.leavingOut(read.skipped) })
      _ = try await encoded.run(from: samples(of: source, stage: "read"), into: sink)
      return stage
    }
  }
  let source = try narrow(try described(invocation, options))
  let (stage, _) = try await make(source.info)
  announce(try await stage.estimate(samples(of: source, stage: "read")))
  return nil
}

/// The inputs, opened; `--verbose` tells what they are.
private func described(_ invocation: Invocation, _ options: ReadOptions) throws -> any SampleSource {
  let report = invocation.report
  let source = try openSamples(
    invocation.arguments.paths("input").map(Input.init(path:)), options: options, log: { report.log($0) })
  report.detail(source.info)
  warnOfTestPart(source.info, invocation)
  return source
}

/// Says that a dataset or a stream is the test part of its data, where nobody asked for that.
func warnOfTestPart(_ info: DatasetInfo, _ invocation: Invocation) {
  guard info.split == .test, !invocation.arguments.given("split") else { return }
  invocation.report.warn(
    "\(info.name): its test split is read; what is made of it must not be tested on the same images (say --split test where that is meant)"
  )
}

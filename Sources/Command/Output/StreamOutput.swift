internal import Catalog
public import Shards

/// Lets `body` write the stream that a verb's `--output` names, and tells the reader when that fails.
///
/// `body` begins and finishes the stream. Whatever it throws, before the beginning or later, is sent on as the stream's
/// error, so that the next process leaves with the same exit code. A file gets its name only when the stream is whole.
///
/// - Throws: what `body` throws; `DataError` (`.cannotCreate`, `.io`) of the output.
public func writeStream<T>(_ invocation: Invocation, _ body: (WireWriter) async throws -> T) async throws -> T {
  try await writeOutput(invocation.arguments.path("output") ?? "-") { descriptor in
    let writer = WireWriter(to: descriptor)
    do {
      return try await Farewell.expecting({
        writer.fail(exitCode: $0.exitCode, sentence: $0.sentence ?? "it was ended")
      }) {
        try await body(writer)
      }
    } catch {
      let report = ErrorReport(error, verb: invocation.arguments.verb.name, signal: invocation.interrupts.signal)
      writer.fail(exitCode: report.exitCode, sentence: report.sentence ?? "it was ended")
      throw error
    }
  }
}

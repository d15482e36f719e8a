internal import Dispatch
internal import Glibc
internal import Shards
internal import Synchronization

/// What is still to be done when the process has to end where nothing can be thrown.
///
/// An operator on tensors that is given no memory is such a place. An error that is thrown does these things on its way up;
/// here whoever has something to do says so beforehand.
public enum Farewell {
  private struct Duty: Sendable {
    let number: Int
    let carryOut: @Sendable (ErrorReport) -> Void
  }

  private static let duties = Mutex<(last: Int, open: [Duty])>((0, []))

  /// Runs `body`, and carries out `duty` should the process have to leave meanwhile.
  static func expecting<T>(
    _ duty: @escaping @Sendable (ErrorReport) -> Void, _ body: () async throws -> T
  ) async rethrows -> T {
    let number = duties.withLock { duties in
      duties.last += 1
      duties.open.append(Duty(number: duties.last, carryOut: duty))
      return duties.last
    }
    defer { duties.withLock { $0.open.removeAll { $0.number == number } } }
    return try await body()
  }

  /// Ends the process because of an error: unfinished files go, the reader of a stream is told, and the reason is said.
  ///
  /// A stream whose samples are being written at this very moment, by another thread, ends in the middle of one instead, and
  /// its reader takes it for unfinished or damaged.
  public static func leave(_ error: any Error) -> Never {
    let report = ErrorReport(error, verb: "")
    _ = UnfinishedOutputs.abandonAll()
    carryOut(report)
    _exit(report.exitCode)
  }

  /// Ends the process because of a signal, in the same way; comes back only where the output was published already.
  ///
  /// A reader that takes nothing more in is not waited for.
  static func leave(signal: Int32) {
    let report = ErrorReport(CancellationError(), verb: "", signal: signal)
    if UnfinishedOutputs.abandonAll() { return }
    let done = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      carryOut(report)
      done.signal()
    }
    _ = done.wait(timeout: .now() + 1)
    _exit(report.exitCode)
  }

  private static func carryOut(_ report: ErrorReport) {
    // What began last is undone first. The lock stays taken meanwhile: a second thread with the same error waits for the end.
    duties.withLock { duties in
      for duty in duties.open.reversed() { duty.carryOut(report) }
      duties.open = []
    }
  }
}

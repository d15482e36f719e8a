internal import Datasets
internal import Glibc
internal import Streaming

/// What an error means to the outside: an exit code, and one sentence, or none where silence is right.
struct ErrorReport: Equatable {
  var exitCode: Int32
  var sentence: String?
  /// The samples that are at fault, where it is more than one.
  var badSamples: BadSamples?

  init(exitCode: Int32, sentence: String?) {
    self.exitCode = exitCode
    self.sentence = sentence
  }

  /// Reads any error that a verb throws.
  ///
  /// - Parameters:
  ///   - verb: a stage of the same name is not named again.
  ///   - signal: the signal that came, which is why a cancelled verb was cancelled, or why its input broke off.
  init(_ error: any Error, verb: String, signal: Int32? = nil) {
    switch error {
    case let error as UsageError:
      self.init(exitCode: ExitStatus.usage.rawValue, sentence: error.description)
    case let error as DataError:
      // What breaks off after a Ctrl-C broke off because of it: in a shell every process of the pipe got the signal.
      let interruption = error.fault == .temporary ? signal.map { 128 + $0 } : nil
      self.init(exitCode: interruption ?? code(for: error.fault), sentence: error.description)
      badSamples = error.badSamples
    case let error as NotPassed:
      self.init(exitCode: ExitStatus.notPassed.rawValue, sentence: error.sentence)
    case is BrokenPipe:
      self.init(exitCode: ExitStatus.brokenPipe.rawValue, sentence: nil)
    case is CancellationError:
      let cause = signal == SIGTERM ? "ended by SIGTERM" : signal == SIGHUP ? "ended by SIGHUP" : "interrupted"
      self.init(exitCode: 128 + (signal ?? SIGINT), sentence: cause)
    case let error as PipelineError:
      self.init(error.underlying, verb: verb, signal: signal)
      guard !error.isCancellation, var sentence else { return }
      if let key = error.sampleKey, !names(error.underlying, key) { sentence = "sample \(key): \(sentence)" }
      if error.stage != verb { sentence = "\(error.stage): \(sentence)" }
      self.sentence = sentence
    default:
      self.init(
        exitCode: ExitStatus.internalError.rawValue,
        sentence: "\(error); this is a fault of pipe itself, please report it with the command line")
    }
  }
}

private func code(for fault: DataError.Fault) -> Int32 {
  switch fault {
  case .badInput, .badSample: ExitStatus.badInput.rawValue
  case .usage: ExitStatus.usage.rawValue
  case .noInput: ExitStatus.noInput.rawValue
  case .cannotCreate: ExitStatus.cannotCreate.rawValue
  case .io: ExitStatus.io.rawValue
  case .temporary: ExitStatus.temporary.rawValue
  case .upstream(let code): code
  }
}

/// Whether the error's own place already says the key.
private func names(_ error: any Error, _ key: String) -> Bool {
  (error as? DataError)?.place.contains { $0.contains(key) } ?? false
}

/// A failure of the system that has no place, with its own words for the reason.
func systemFailure(_ problem: String, _ number: Int32 = errno) -> DataError {
  DataError(.io, at: [], "\(problem): \(String(cString: strerror(number)))")
}

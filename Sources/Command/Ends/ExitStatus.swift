/// How the process ends.
///
/// Tools that retry read this: 75 can help when tried again, 64 to 66 cannot.
public enum ExitStatus: Int32, Sendable, CaseIterable {
  /// Done.
  case ok = 0
  /// A fault of the program's own.
  case internalError = 1
  /// `verify` found damage, or `doctor` a fault.
  case damage = 2
  /// `run` made a dataset that does not pass its check, and did not publish it.
  case notPassed = 3
  /// The command line is wrong, asks for more than there is memory, or needs a part that is not installed.
  case usage = 64
  /// The input is damaged or not what it claims to be.
  case badInput = 65
  /// There is no input.
  case noInput = 66
  /// The output cannot be created.
  case cannotCreate = 73
  /// Reading or writing failed.
  case io = 74
  /// The upstream stopped before its end, or memory or time ran out.
  case temporary = 75
  /// Ended by SIGHUP.
  case hungUp = 129
  /// Ended by SIGINT (Ctrl-C).
  case interrupted = 130
  /// The reader of the standard output is gone; nothing is said.
  case brokenPipe = 141
  /// Ended by SIGTERM.
  case terminated = 143

  /// One line for the manual.
  public var meaning: String {
    switch self {
    case .ok: "done"
    case .internalError: "a fault of the program's own"
    case .damage: "pipe verify found damage, or pipe doctor a fault"
    case .notPassed: "pipe run: a dataset does not pass its check and was not published"
    case .usage: "the command line is wrong or asks for too much, or a part of the installation is missing"
    case .badInput: "the input is damaged or not what it claims to be; do not retry"
    case .noInput: "there is no input"
    case .cannotCreate: "the output cannot be created"
    case .io: "reading or writing failed"
    case .temporary: "the upstream stopped before its end, or memory or --time ran out; retrying can help"
    case .hungUp: "ended by SIGHUP"
    case .interrupted: "ended by Ctrl-C"
    case .brokenPipe: "the reader of the standard output has gone"
    case .terminated: "ended by SIGTERM"
    }
  }
}

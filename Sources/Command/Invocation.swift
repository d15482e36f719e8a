/// Everything that a verb is given.
public struct Invocation: Sendable {
  /// What was typed, and the defaults.
  public let arguments: Arguments
  /// What the standard streams are.
  public let terminal: Terminal
  /// The standard error: log, warnings, progress.
  public let report: Reporter
  /// Whether somebody wants the program to end.
  public let interrupts: Interrupts
  /// The standard output, for text.
  public let output = StandardOutput()
}

/// A verb with the function that carries it out.
public struct VerbRunner: Sendable {
  /// The verb's name in the catalogue.
  public let verb: String
  /// Carries it out.
  public let run: @Sendable (Invocation) async throws -> ExitStatus

  /// Joins a verb of the catalogue and its function.
  public init(_ verb: String, run: @escaping @Sendable (Invocation) async throws -> ExitStatus) {
    self.verb = verb
    self.run = run
  }
}

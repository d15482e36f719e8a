/// The command line is wrong: what is wrong, and what to type instead.
public struct UsageError: Error, Sendable, Equatable {
  /// What is wrong, without capital and full stop.
  public var message: String
  /// What to do, without capital and full stop.
  public var hint: String?

  /// Makes an error.
  public init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }
}

extension UsageError: CustomStringConvertible {
  /// One sentence: what is wrong, what to do.
  public var description: String {
    guard let hint else { return message }
    return "\(message); \(hint)"
  }
}

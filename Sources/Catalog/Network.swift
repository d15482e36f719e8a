/// A network for condensing and evaluating, as a plain value.
public struct Network: Sendable {
  /// What is typed after `--net`.
  public var name: String
  /// One line without full stop.
  public var summary: String

  /// Makes a network.
  public init(_ name: String, summary: String) {
    self.name = name
    self.summary = summary
  }
}

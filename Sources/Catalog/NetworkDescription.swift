/// A network for condensing and evaluating, as a plain value.
public struct NetworkDescription: Sendable {
  /// What is typed after `--net`.
  public var name: String
  /// One line without full stop.
  public var summary: String
  /// Whether --width, --depth and --precision are its options.
  public var hasSize = false

  /// A description; see the properties.
  init(_ name: String, _ summary: String, hasSize: Bool = false) {
    self.name = name
    self.summary = summary
    self.hasSize = hasSize
  }
}

/// How far a stage is.
///
/// Rates and remaining time are the business of whoever shows it: events carry no clock.
public struct ProgressEvent: Sendable, Equatable {
  /// The stage that reports.
  public var stage: String
  /// Units done so far.
  public var done: Int
  /// Units in all, when known.
  public var total: Int?
  /// What is counted: "samples", "steps", "networks", "epochs".
  public var unit: String
  /// Bytes read or written so far, when the stage counts them.
  public var bytes: Int?
  /// The present loss, in the method's own unit.
  public var loss: Double?
  /// The norm of the gradient at the synthetic images.
  public var gradientNorm: Double?
  /// The share of right answers on images that were held back, or on the test images, in [0, 1]; nil where none were asked since the last
  /// event.
  public var accuracy: Double?
  /// A short remark to show beside the numbers.
  public var note: String?
  /// What the loss is made of, where it has several parts.
  public var terms: [Term]

  /// One part of a loss.
  public struct Term: Sendable, Equatable {
    /// A short name: `ce`.
    public var name: String
    /// Its value.
    public var value: Double

    /// Makes a part.
    public init(name: String, value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// An event of `stage`: `done` of `total` `unit`.
  public init(
    stage: String, done: Int, total: Int? = nil, unit: String, bytes: Int? = nil, loss: Double? = nil,
    gradientNorm: Double? = nil, accuracy: Double? = nil, note: String? = nil, terms: [Term] = []
  ) {
    self.stage = stage
    self.done = done
    self.total = total
    self.unit = unit
    self.bytes = bytes
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.accuracy = accuracy
    self.note = note
    self.terms = terms
  }
}

/// Receives progress events, on the task of the stage that reports; it must not block.
public typealias ProgressHandler = @Sendable (ProgressEvent) -> Void

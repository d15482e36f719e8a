/// Weights α of the losses that a method adds up; 0 leaves one out: it is not computed.
public struct LossWeights: Sendable, Equatable {
  /// Of the reconstruction loss, `re`.
  public var reconstruction: Double
  /// Of the classification loss, `ce`.
  public var classification: Double
  /// Of the matching of a classifier's features, `fm`.
  public var matching: Double
  /// Of the transport loss, `w`.
  public var transport: Double
  /// Of the covariance loss, `cov`.
  public var covariance: Double
  /// Of the attention's own loss, `att`.
  public var attention: Double

  /// Weights; see the properties.
  public init(
    reconstruction: Double = 0, classification: Double = 0, matching: Double = 0, transport: Double = 0,
    covariance: Double = 0, attention: Double = 0
  ) {
    self.reconstruction = reconstruction
    self.classification = classification
    self.matching = matching
    self.transport = transport
    self.covariance = covariance
    self.attention = attention
  }
}

/// The losses of a step, unweighted; nil for one that was not computed.
struct Losses: Sendable, Equatable {
  var reconstruction: Double?
  var classification: Double?
  var matching: Double?
  var transport: Double?
  var covariance: Double?
  var attention: Double?

  /// Their sum, each with its weight.
  func total(_ weights: LossWeights) -> Double {
    (reconstruction ?? 0) * weights.reconstruction + (classification ?? 0) * weights.classification
      + (matching ?? 0) * weights.matching + (transport ?? 0) * weights.transport
      + (covariance ?? 0) * weights.covariance + (attention ?? 0) * weights.attention
  }

  /// Those that were computed, for reports.
  var terms: [LossTerm] {
    [
      ("re", reconstruction), ("ce", classification), ("fm", matching), ("w", transport), ("cov", covariance),
      ("att", attention),
    ].compactMap { name, value in value.map { LossTerm(name: name, value: $0) } }
  }
}

/// How hard a stored image is to learn, as `pipe evaluate --scores` writes it, one JSON line for each.
public struct ImageScore: Codable, Sendable, Equatable {
  /// The sample's key.
  public var key: String
  /// YOCO's low-is-easy score, summed over tiles and networks; see `PredictionErrors`.
  public var lbpe: Double

  /// A score.
  public init(key: String, lbpe: Double) {
    self.key = key
    self.lbpe = lbpe
  }
}

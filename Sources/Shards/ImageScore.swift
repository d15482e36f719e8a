/// How hard a stored image is to learn, as `pipe evaluate --scores` writes it, one JSON line for each.
public struct ImageScore: Codable, Sendable, Equatable {
  /// The sample's key.
  public var key: String
  /// The index of its class in the set.
  public var label: Int
  /// Summed over tiles and networks, low where the image is easy; see `PredictionErrors`.
  public var lbpe: Double

  /// A score.
  public init(key: String, label: Int, lbpe: Double) {
    self.key = key
    self.label = label
    self.lbpe = lbpe
  }
}

/// The algorithms, one line each; the catalogue has a description of the same name for each.
public enum Registry {
  /// The methods of condensation.
  public static let methods: [any CondensingMethod.Type] = [
    RandomSelection.self, Herding.self, KCenter.self, DistributionMatching.self, M3D.self, Koopcon.self,
  ]

  /// The method of condensation of that name.
  public static func method(_ name: String) -> (any CondensingMethod.Type)? { methods.first { $0.name == name } }
}

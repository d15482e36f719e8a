/// The algorithms, one line each; the catalogue has a description of the same name for each.
public enum Registry {
  /// The methods of condensation.
  public static let methods: [any CondensingMethod.Type] = [
    RandomSelection.self, Herding.self, KCenter.self, DistributionMatching.self, KRDual.self, M3D.self, DC.self,
    DSA.self, IDCI.self, IDC.self, Koopcon.self, Guided.self,
  ]

  /// The methods of expansion.
  public static let expansions: [any ExpandingMethod.Type] = [ClassicAugmentation.self, ExpansiveSynthesis.self]

  /// The method of expansion of that name.
  public static func expansion(_ name: String) -> (any ExpandingMethod.Type)? { expansions.first { $0.name == name } }

  /// The method of condensation of that name.
  public static func method(_ name: String) -> (any CondensingMethod.Type)? { methods.first { $0.name == name } }
}

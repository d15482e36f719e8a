internal import Tensors

/// IDC: IDC-I with multi-formation, so that each stored image holds factor² training images.
///
/// minimises over S:   E_{θ, ω}  Σ_c  ‖ ∇_θ ℓ(θ; A(T_c, ω)) − ∇_θ ℓ(θ; A(decode(S_c), ω)) ‖          of convolutions alone
///
///   decode  see `Formation`                     everything else as in `IDCI`
///
/// Reference: Kim et al., "Dataset Condensation via Efficient Synthetic-Data Parameterization", ICML 2022, §3 and Algorithm 1, and
/// its code: factor 2 for small images, 3 for ImageNet; every tile begins as a different real image, shrunk.
/// Deviations and decisions: those of `IDCI`.
public struct IDC: IDCMethod {
  /// See `CondensingMethod`.
  public static let name = "idc"

  /// How gradients are matched.
  public var matching = Self.usual(factor: 2)

  /// See `CondensingMethod`.
  public init() {}
}

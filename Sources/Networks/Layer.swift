/// What normalises the maps of a network; each with a scale and a shift per channel and ε = 1e-5.
public enum Norm: String, Sendable, CaseIterable {
  /// Nothing does.
  case none
  /// Each channel of each image over its pixels: group norm with one group per channel, as in the DC and DM code.
  case instance
  /// Each quarter of the channels of each image over its pixels: group norm (Wu & He, ECCV 2018) with 4 groups, as in
  /// the DC code; with 2 or 1 where 4 does not divide the channels.
  case group
  /// Each channel over batch and pixels in training, by running statistics in evaluation (Ioffe & Szegedy, ICML 2015).
  case batch
}

/// A function of each value of a map.
public enum Activation: String, Sendable, CaseIterable {
  /// max(x, 0).
  case relu
  /// x · sigmoid(x).
  case silu
  /// 1 / (1 + e⁻ˣ).
  case sigmoid
}

/// One step of a network: maps (n, c, h, w) to maps (n, c', h', w').
///
/// Vectors are maps of one pixel. A layer knows its outputs and not its inputs, which follow from the layers before it.
public indirect enum Layer: Sendable, Hashable {
  /// Cross-correlation with `to` filters of kernel × kernel pixels, which each see `1/groups` of the channels; zeros
  /// beyond the border.
  case convolution(
    to: Int, kernel: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1, hasBias: Bool = true)
  /// Normalisation; none for `Norm.none`.
  case norm(Norm)
  /// A function of each value.
  case activation(Activation)
  /// Mean of each kernel × kernel window.
  case averagePooling(kernel: Int, stride: Int)
  /// Maximum of each kernel × kernel window.
  case maximumPooling(kernel: Int, stride: Int, padding: Int = 0)
  /// Mean of each channel over all pixels: maps of one pixel.
  case globalAveragePooling
  /// A matrix product with all values of an image, and a bias: maps of one pixel, `to` channels.
  case linear(to: Int)
  /// branch(x) + shortcut(x); an empty shortcut is x itself (He et al., CVPR 2016).
  case residual([Layer], shortcut: [Layer] = [])
  /// The channels of x, then those of branch(x), which has the height and width of x (Huang et al., CVPR 2017).
  case dense([Layer])
  /// x · branch(x), where the branch makes one factor per channel (squeeze-and-excitation: Hu et al., CVPR 2018).
  case excitation([Layer])
  /// 3 × 3 convolution with bias, instance norm, ReLU and 2 × 2 average pooling, in one kernel and in the network's
  /// precision.
  case convolutionNormReluPool(to: Int, padding: Int = 1)
}

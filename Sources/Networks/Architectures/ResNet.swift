public import Datasets

extension Architecture {
  /// ResNet-18: two residual blocks at each of four sizes, with 64, 128, 256 and 512 maps.
  ///
  /// 512 features. Up to 64 pixels the stem is a 3×3 convolution; above it is that of `resNet10`.
  /// Reference: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, in the shape of the code of Zhao
  /// & Bilen, "Dataset Condensation with Gradient Matching", ICLR 2021: a 3×3 stem and instance norm.
  /// Deviations: that code takes no images above 32×32.
  public static func resNet18(
    _ input: ImageShape, classes: Int, norm: Norm = .instance
  ) throws(ArchitectureError) -> Architecture {
    try resNet("resnet18", input, classes, blocks: 2, filters: 64, norm, pools: false)
  }

  /// ResNet-10: one residual block at each of four sizes, with 64 to 512 maps, or 32 to 256 below 64 pixels.
  ///
  /// 512 or 256 features. Up to 64 pixels the stem is a 3×3 convolution; up to 128 pooling by 2 follows; above, a 7×7
  /// convolution and pooling leave a quarter of the size.
  /// Reference: as ResNet-18, in the shape of the code of Kim et al., "Dataset Condensation via Efficient
  /// Synthetic-Data Parameterization", ICML 2022, whose tests across architectures have batch norm.
  /// Deviations: that code halves the maps for CIFAR and not for other small images; its convolutions begin by He's
  /// rule and ours by PyTorch's default.
  public static func resNet10(
    _ input: ImageShape, classes: Int, norm: Norm = .batch
  ) throws(ArchitectureError) -> Architecture {
    try resNet("resnet10", input, classes, blocks: 1, filters: input.side < 64 ? 32 : 64, norm, pools: false)
  }

  /// ResNetAP-10: ResNet-10 with average pooling in place of strides, and instance norm.
  ///
  /// Reference: as ResNet-10.
  /// Deviations: as ResNet-10.
  public static func resNetAP10(
    _ input: ImageShape, classes: Int, norm: Norm = .instance
  ) throws(ArchitectureError) -> Architecture {
    try resNet("resnetap10", input, classes, blocks: 1, filters: input.side < 64 ? 32 : 64, norm, pools: true)
  }

  private static func resNet(
    _ name: String, _ input: ImageShape, _ classes: Int, blocks: Int, filters: Int, _ norm: Norm, pools: Bool
  ) throws(ArchitectureError) -> Architecture {
    var layers = stem(input, filters: filters, norm, pools: pools)
    for stage in 0..<4 {
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1
        let pooling: [Layer] = pools && stride > 1 ? [.averagePooling(kernel: stride, stride: stride)] : []
        func convolution(_ kernel: Int, stride: Int = 1) -> Layer {
          .convolution(
            to: filters << stage, kernel: kernel, stride: pools ? 1 : stride, padding: kernel / 2, hasBias: false)
        }
        let branch =
          [convolution(3, stride: stride), .norm(norm), .activation(.relu)] + pooling + [convolution(3), .norm(norm)]
        let shortcut = stride > 1 ? [convolution(1, stride: stride)] + pooling + [.norm(norm)] : []
        layers += [.residual(branch, shortcut: shortcut), .activation(.relu)]
      }
    }
    return try Architecture(name, input: input, classes: classes, layers: layers + [.globalAveragePooling])
  }

  /// What comes before the blocks, by the size of the images.
  private static func stem(_ input: ImageShape, filters: Int, _ norm: Norm, pools: Bool) -> [Layer] {
    let isLarge = input.side > 128
    let (kernel, stride) = isLarge ? (7, pools ? 1 : 2) : (3, 1)
    let layers: [Layer] = [
      .convolution(to: filters, kernel: kernel, stride: stride, padding: kernel / 2, hasBias: false), .norm(norm),
      .activation(.relu),
    ]
    if input.side <= 64 { return layers }
    let pooling = isLarge ? 4 : 2
    return layers
      + [pools ? .averagePooling(kernel: pooling, stride: pooling) : .maximumPooling(kernel: 3, stride: 2, padding: 1)]
  }
}

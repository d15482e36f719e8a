public import Datasets

extension Architecture {
  /// EfficientNet-B0: 16 inverted residual blocks with squeeze-and-excitation; 1280 features.
  ///
  /// The stem has stride 2 from 65 pixels on, as in the paper, and stride 1 up to 64, as is usual for CIFAR.
  /// Reference: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.
  /// Deviations: no stochastic depth and no dropout; symmetric padding and momentum 0.1 of batch norm, as in
  /// torchvision; PyTorch's default initialisation.
  public static func efficientNetB0(
    _ input: ImageShape, classes: Int, norm: Norm = .batch
  ) throws(ArchitectureError) -> Architecture {
    func block(_ maps: Int, _ kernel: Int, stride: Int = 1, groups: Int = 1) -> [Layer] {
      [
        .convolution(to: maps, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups, hasBias: false),
        .norm(norm), .activation(.silu),
      ]
    }
    var layers = block(32, 3, stride: input.side > 64 ? 2 : 1)
    var inputs = 32
    for (expansion, maps, count, kernel, firstStride) in [
      (1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1), (6, 192, 4, 5, 2),
      (6, 320, 1, 3, 1),
    ] {
      for number in 0..<count {
        let (wide, stride) = (inputs * expansion, number == 0 ? firstStride : 1)
        let factors: [Layer] = [
          .globalAveragePooling, .convolution(to: inputs / 4, kernel: 1), .activation(.silu),
          .convolution(to: wide, kernel: 1), .activation(.sigmoid),
        ]
        let branch =
          (expansion > 1 ? block(wide, 1) : []) + block(wide, kernel, stride: stride, groups: wide)
          + [.excitation(factors)] + block(maps, 1).dropLast()
        layers += stride == 1 && inputs == maps ? [.residual(branch)] : branch
        inputs = maps
      }
    }
    layers += block(1280, 1) + [.globalAveragePooling]
    return try Architecture("efficientnet-b0", input: input, classes: classes, layers: layers)
  }
}

public import Datasets

extension Architecture {
  /// AlexNet as dataset condensation makes it for small images: five convolutions of stride 1 and one linear layer.
  ///
  /// Grey 28×28 images are padded to 32×32; larger ones have larger embeddings. 192·(side/8)² features.
  /// Reference: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, in
  /// the shape of the code of Zhao & Bilen, "Dataset Condensation with Gradient Matching", ICLR 2021, which has it
  /// without norm or with batch norm.
  /// Deviations: that code pads grey images of every size.
  public static func alexNet(
    _ input: ImageShape, classes: Int, norm: Norm = .none
  ) throws(ArchitectureError) -> Architecture {
    let pool = Layer.maximumPooling(kernel: 2, stride: 2)
    func block(_ filters: Int, _ kernel: Int, extra: Int = 0) -> [Layer] {
      [.convolution(to: filters, kernel: kernel, padding: kernel / 2 + extra), .norm(norm), .activation(.relu)]
    }
    let layers =
      block(128, 5, extra: input.paddingToTwoPowers) + [pool] + block(192, 5) + [pool]
      + block(256, 3) + block(192, 3) + block(192, 3) + [pool]
    return try Architecture("alexnet", input: input, classes: classes, layers: layers)
  }
}

public import Datasets

extension Architecture {
  /// VGG-11: eight 3×3 convolutions with norm and ReLU, maximum pooling where the maps double, and one linear layer.
  ///
  /// 512 features. Grey 28×28 images are padded to 32×32; what larger images leave of the maps is averaged.
  /// Reference: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
  /// in the shape of the code of Zhao & Bilen, "Dataset Condensation with Gradient Matching", ICLR 2021: instance norm,
  /// and no linear layers of 4096.
  /// Deviations: that code pads grey images of every size, and takes no images above 32×32.
  public static func vgg11(
    _ input: ImageShape, classes: Int, norm: Norm = .instance
  ) throws(ArchitectureError) -> Architecture {
    var layers: [Layer] = []
    for stage in [[64], [128], [256, 256], [512, 512], [512, 512]] {
      for filters in stage {
        let padding = 1 + (layers.isEmpty ? input.paddingToTwoPowers : 0)
        layers += [.convolution(to: filters, kernel: 3, padding: padding), .norm(norm), .activation(.relu)]
      }
      layers.append(.maximumPooling(kernel: 2, stride: 2))
    }
    return try Architecture("vgg11", input: input, classes: classes, layers: layers + [.globalAveragePooling])
  }
}

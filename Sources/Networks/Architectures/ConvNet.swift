public import Datasets

extension Architecture {
  /// The convolutional network of the dataset-condensation literature.
  ///
  ///     embed(x) = flatten(B_depth(… B₁(x)))        B(x) = averagePool₂(relu(norm(conv₃ₓ₃(x))))
  ///
  /// With instance norm each block is one kernel, which computes in `precision`. Grey 28×28 images are padded to 32×32.
  /// Reference: Gidaris & Komodakis, "Dynamic Few-Shot Visual Learning without Forgetting", CVPR 2018, as in Zhao &
  /// Bilen, "Dataset Condensation with Distribution Matching", WACV 2023, and its published code.
  /// Deviations: that code pads grey images of every size.
  ///
  /// - Parameters:
  ///   - filters: feature maps of every block; 128 in every published ConvNet.
  ///   - depth: number of blocks, each of which halves height and width; nil for `convNetDepth`.
  public static func convNet(
    _ input: ImageShape, classes: Int, norm: Norm = .instance, filters: Int = 128, depth: Int? = nil,
    precision: Precision = .float32
  ) throws(ArchitectureError) -> Architecture {
    let depth = depth ?? convNetDepth(input)
    precondition(filters > 0 && depth > 0, "a ConvNet cannot have \(filters) filters and \(depth) blocks")
    let layers = (0..<depth).flatMap { block -> [Layer] in
      let padding = 1 + (block == 0 ? input.paddingToTwoPowers : 0)
      return norm == .instance
        ? [.convolutionNormReluPool(to: filters, padding: padding)]
        : [
          .convolution(to: filters, kernel: 3, padding: padding), .norm(norm), .activation(.relu),
          .averagePooling(kernel: 2, stride: 2),
        ]
    }
    return try Architecture("convnet", input: input, classes: classes, layers: layers, precision: precision)
  }

  /// The depth that the literature uses: 3 up to 63 pixels, 4 from 64, 5 from 128; fewer where the image is too small,
  /// but at least 1.
  public static func convNetDepth(_ input: ImageShape) -> Int {
    if input.side >= 128 { return 5 }
    if input.side >= 64 { return 4 }
    return max(1, min(3, halvings(input.side)))
  }

  /// The greatest depth that leaves a map of at least one pixel; 0 where images are too small for any.
  public static func greatestConvNetDepth(_ input: ImageShape) -> Int {
    input.side < 2 ? 0 : halvings(input.side + 2 * input.paddingToTwoPowers)
  }

  /// ⌊log₂ side⌋.
  private static func halvings(_ side: Int) -> Int { side < 1 ? 0 : Int.bitWidth - 1 - side.leadingZeroBitCount }
}

extension ImageShape {
  /// Zero padding of the first layer beyond what keeps the size: 2 for grey 28×28 images, which then behave as 32×32,
  /// else 0.
  var paddingToTwoPowers: Int { self == ImageShape(channels: 1, height: 28, width: 28) ? 2 : 0 }
}

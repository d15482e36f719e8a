public import Datasets

extension Architecture {
  /// DenseNet-121: four stages of 6, 12, 24 and 16 layers, each of which appends `growth` maps to those before it.
  ///
  /// 32·growth features: 384 below 64 pixels, 1024 from there on. Images up to 64 pixels have a 3×3 stem, larger ones the stem of the paper: a
  /// 7×7 convolution and in all a quarter of the size.
  /// Reference: Huang et al., "Densely Connected Convolutional Networks", CVPR 2017.
  /// Deviations: PyTorch's default initialisation. Below 64 pixels growth is 12, as in the tests across architectures of Kim et
  /// al., ICML 2022, which run that under this name with another order of channels; the paper's is 32.
  public static func denseNet121(
    _ input: ImageShape, classes: Int, norm: Norm = .batch, growth: Int? = nil
  ) throws(ArchitectureError) -> Architecture {
    let growth = growth ?? (input.side < 64 ? 12 : 32)
    func convolution(_ filters: Int, _ kernel: Int, stride: Int = 1) -> Layer {
      .convolution(to: filters, kernel: kernel, stride: stride, padding: kernel / 2, hasBias: false)
    }
    let before: [Layer] = [.norm(norm), .activation(.relu)]
    var maps = 2 * growth
    var layers =
      input.side <= 64
      ? [convolution(maps, 3)]
      : [convolution(maps, 7, stride: 2)] + before + [.maximumPooling(kernel: 3, stride: 2, padding: 1)]
    for (stage, count) in [6, 12, 24, 16].enumerated() {
      if stage > 0 {
        maps /= 2
        layers += before + [convolution(maps, 1), .averagePooling(kernel: 2, stride: 2)]
      }
      let branch = before + [convolution(4 * growth, 1)] + before + [convolution(growth, 3)]
      layers += Array(repeating: .dense(branch), count: count)
      maps += count * growth
    }
    layers += before + [.globalAveragePooling]
    return try Architecture("densenet121", input: input, classes: classes, layers: layers)
  }
}

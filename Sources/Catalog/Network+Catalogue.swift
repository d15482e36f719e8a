extension Network {
  /// The ConvNet of the field: blocks of convolution, instance norm, ReLU and average pooling, and a linear layer.
  static let convNet = Network(
    "convnet",
    summary: "blocks of 3x3 convolution, instance norm, ReLU and 2x2 average pooling, then a linear layer "
      + "(Gidaris & Komodakis 2018, as in the DC, DM and M3D papers)")
}

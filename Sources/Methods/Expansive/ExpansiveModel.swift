public import Networks
public import Tensors

/// The network of Expansive Synthesis: φ and φ⁻¹, the attention between patches, and the convolutions that place features.
///
/// A latent is what the encoder gives, standardised map by map: y = (φ(x) − mean) / deviation, (n, C, h, w).
public struct ExpansiveModel: Sendable {
  /// The five settings of the paper's table 1, each of which adds to the one before.
  public enum Setting: String, Sendable, CaseIterable {
    /// Row-wise attention.
    case rowWise = "rwa"
    /// Spatial self-attention with one head.
    case spatial = "sa"
    /// And a skip connection.
    case spatialSkip = "sa+sc"
    /// With a head for each slot.
    case multiHeadSkip = "mhsa+sc"
    /// And expander graph mapping.
    case expanderGraph = "mhsa+sc+egm"

    /// Which patches see which.
    public var kind: PatchAttention.Kind { self == .rowWise ? .rowWise : .spatial }
    /// Whether each slot has a head of its own.
    public var isMultiHead: Bool { self == .multiHeadSkip || self == .expanderGraph }
    /// Whether latents pass the attention by.
    public var hasSkip: Bool { self != .rowWise && self != .spatial }
    /// Whether features go through a graph.
    public var hasGraph: Bool { self == .expanderGraph }
  }

  /// Which of the settings.
  public let setting: Setting
  /// φ and φ⁻¹.
  public var autoencoder: MapAutoencoder
  /// The attention, with its L slots.
  public var attention: PatchAttention
  /// W_1 … W_L side by side, (C, L·C, 3, 3); nil without graph.
  public var placement: Tensor?
  /// Mean of each map over the images of the pre-training, (C).
  public var mean: Tensor
  /// Standard deviation of each map over them, (C); positive.
  public var deviation: Tensor

  /// A model; see the properties.
  public init(
    _ setting: Setting, autoencoder: MapAutoencoder, attention: PatchAttention, placement: Tensor?, mean: Tensor,
    deviation: Tensor
  ) {
    let maps = autoencoder.options.maps
    precondition(
      attention.kind == setting.kind && (attention.attention.heads > 1) == setting.isMultiHead
        && attention.channels == maps && autoencoder.options.multiple % attention.patch == 0
        && placement?.shape == (setting.hasGraph ? [maps, attention.slots * maps, 3, 3] : nil)
        && mean.shape == [maps] && deviation.shape == [maps],
      "the parts of a model of the setting \(setting.rawValue) do not fit each other")
    self.setting = setting
    self.autoencoder = autoencoder
    self.attention = attention
    self.placement = placement
    self.mean = mean
    self.deviation = deviation
  }

  /// Draws a model whose attention is near the identity, with W_j near the identity too.
  public init(
    _ setting: Setting, _ options: MapAutoencoderOptions, slots: Int, patch: Int, using random: inout RandomSource
  ) {
    let maps = options.maps
    var placement: Tensor?
    if setting.hasGraph {
      var values = random.normal(maps * slots * maps * 9).map { 0.005 * $0 }
      for map in 0..<maps {
        for slot in 0..<slots { values[((map * slots + slot) * maps + map) * 9 + 4] += 1 }
      }
      placement = Tensor(values, shape: [maps, slots * maps, 3, 3])
    }
    self.init(
      setting, autoencoder: MapAutoencoder(options, using: &random),
      attention: PatchAttention(
        setting.kind, slots: slots, isMultiHead: setting.isMultiHead, channels: maps, patch: patch,
        output: setting.hasSkip ? 0.1 : 1),
      placement: placement, mean: .zeros([maps]), deviation: .ones([maps]))
  }

  /// y ← φ(x), standardised: normalised images (n, channels, H, W) → (n, C, h, w).
  public func latents(_ images: Tensor) throws(TensorError) -> Tensor {
    try (autoencoder.encode(images) - column(mean)) / column(deviation)
  }

  /// x ← φ⁻¹(y): (n, C, h, w) → normalised images.
  public func images(_ latents: Tensor) throws(TensorError) -> Tensor {
    try autoencoder.decode(latents * column(deviation) + column(mean))
  }

  private func column(_ values: Tensor) throws(TensorError) -> Tensor { try values.reshaped([1, values.count, 1, 1]) }
}

// MARK: One new latent

extension ExpansiveModel {
  /// How one latent is put together of two: what fills which slot, and what attention leaves of it.
  public struct Recipe: Sendable, Equatable {
    /// The row of the sample that fills the anchor slots.
    public var source: Int
    /// The row of the sample that fills the others.
    public var lender: Int
    /// Which slots are anchors.
    public var anchors: [Bool]
    /// Slot j lies on vertex j − rotation of the graph.
    public var rotation: Int
    /// The share of the positions that the crop keeps; 1 crops nothing.
    public var kept: Double

    /// A recipe; see the properties.
    public init(source: Int, lender: Int, anchors: [Bool], rotation: Int, kept: Double) {
      self.source = source
      self.lender = lender
      self.anchors = anchors
      self.rotation = rotation
      self.kept = kept
    }

    /// Copy 0: the sample itself, through the attention alone.
    public static func itself(_ source: Int, slots: Int) -> Recipe {
      Recipe(
        source: source, lender: source, anchors: Array(repeating: true, count: slots), rotation: 0, kept: 1)
    }

    /// Another copy: a random half of the slots as anchors, and a crop that keeps a quarter to three quarters.
    public static func drawn(
      _ source: Int, lender: Int, rotation: Int, slots: Int, using random: inout RandomSource
    ) -> Recipe {
      var anchors = Array(repeating: false, count: slots)
      for slot in random.choice((slots + 1) / 2, of: slots) { anchors[slot] = true }
      return Recipe(
        source: source, lender: lender, anchors: anchors, rotation: rotation % slots,
        kept: 0.25 + 0.5 * random.uniform())
    }
  }

  /// New latents by their recipes.
  ///
  ///     y' = [Σ_j E_j y_s(j)] + Σ_j f'_j                 without graph; E_j keeps the j-th of L groups of maps; s(j) is source or lender
  ///     y' =  Σ_j E_j y_s(j)  + Σ_j W_j ∗ Σ_k Â_jk f'_k  with the graph's Â                                           [equation 3]
  ///     f'_j = m_j · f_s(j),j                            m_j: soft mask of the patches that are looked at most
  ///
  /// - Parameters:
  ///   - latents: (n, C, h, w).
  ///   - seen: what the attention makes of them.
  ///   - graphs: Â of each recipe, (recipes, L, L); nil without graph.
  /// - Returns: (recipes, C, h, w).
  public func composed(
    _ latents: Tensor, _ seen: PatchAttention.Seen, _ recipes: [Recipe], graphs: Tensor?
  ) throws(TensorError) -> Tensor {
    let (count, slots, maps) = (recipes.count, attention.slots, attention.channels)
    let (height, width) = (latents.shape[2], latents.shape[3])
    let sources = Tensor(integers: recipes.map(\.source))
    let lenders = Tensor(integers: recipes.map(\.lender))
    let isMixed = recipes.contains { $0.source != $0.lender }
    func mixed(_ tensor: Tensor, _ anchors: Tensor) throws(TensorError) -> Tensor {
      let own = try tensor.indexed(by: sources)
      guard isMixed else { return own }
      return try own * anchors + tensor.indexed(by: lenders) * (1 - anchors)
    }
    func turned(_ tensor: Tensor) throws(TensorError) -> Tensor {
      guard recipes.contains(where: { $0.rotation != 0 }) else { return tensor }
      let order = recipes.enumerated().flatMap { row, recipe in
        (0..<slots).map { row * slots + ($0 + recipe.rotation) % slots }
      }
      return try tensor.flattened(to: 2).indexed(by: Tensor(integers: order)).reshaped(tensor.shape)
    }
    let anchors = recipes.flatMap { $0.anchors.map { $0 ? Float(1) : 0 } }
    var features = try mixed(seen.features, Tensor(anchors, shape: [count, slots, 1, 1, 1]))
    if recipes.contains(where: { $0.kept < 1 }) {
      let received = try mixed(seen.received, Tensor(anchors, shape: [count, slots, 1, 1]))
      features = try features * enlarged(mask: crop(received, recipes), height: height, width: width)
    }
    var sum: Tensor
    if let placement {
      guard let graphs else { preconditionFailure("a model with graph mapping needs the graphs") }
      sum = try graphs.matmul(turned(features).reshaped([count, slots, maps * height * width]))
        .reshaped([count, slots * maps, height, width]).convolution2d(placement, padding: 1)
    } else {
      sum = try features.sum(axes: [1])
    }
    guard setting.hasSkip else { return sum }
    let groups = recipes.flatMap { recipe in
      (0..<maps).map { recipe.anchors[$0 / (maps / slots)] ? Float(1) : 0 }
    }
    return try mixed(latents, Tensor(groups, shape: [count, maps, 1, 1])) + sum
  }

  /// m: about 1 where a patch receives more attention than the others that are not kept, and about 0 elsewhere.
  ///
  /// The threshold lies so that the kept share is above it, between two patches by interpolation; the edge is as soft as a quarter of
  /// the deviation of what the patches receive. Without skip connection what is cropped is halved, as nothing else would bring it.
  private func crop(_ received: Tensor, _ recipes: [Recipe]) throws(TensorError) -> Tensor {
    let (count, slots) = (recipes.count, attention.slots)
    let flat = try received.flattened(from: 2)
    let patches = flat.shape[2]
    var shares = [Float](repeating: 0, count: count * patches)
    for (row, recipe) in recipes.enumerated() {
      let place = min(max(recipe.kept * Double(patches) - 0.5, 0), Double(patches - 1))
      let lower = min(Int(place), max(0, patches - 2))
      shares[row * patches + lower] += Float(1 - (place - Double(lower)))
      if patches > 1 { shares[row * patches + lower + 1] += Float(place - Double(lower)) }
    }
    let fixed = flat.detached()
    let descending = try fixed.top(patches).values
    let threshold = try (descending * Tensor(shares, shape: [count, 1, patches])).sum(axes: [2], keepDims: true)
    let softness = try fixed.variance(axes: [2], keepDims: true).sqrt() * 0.25 + 1e-6
    var mask = ((flat - threshold) / softness).sigmoid()
    if !setting.hasSkip { mask = mask * 0.5 + 0.5 }
    let whole = Tensor(recipes.map { $0.kept < 1 ? Float(0) : 1 }, shape: [count, 1, 1])
    mask = mask * (1 - whole) + whole
    return try mask.reshaped([count, slots] + received.shape[2...])
  }

  /// A value for each patch to one for each of its places: (m, L, h/P, w/P) → (m, L, 1, h, w).
  private func enlarged(mask: Tensor, height: Int, width: Int) throws(TensorError) -> Tensor {
    let (count, slots, rows, columns) = (mask.shape[0], mask.shape[1], mask.shape[2], mask.shape[3])
    return try mask.reshaped([count, slots, rows, 1, columns, 1])
      .expanded(to: [count, slots, rows, attention.patch, columns, attention.patch])
      .reshaped([count, slots, 1, height, width])
  }
}

extension Tensor {
  /// The first `axes` axes as one.
  fileprivate func flattened(to axes: Int) throws(TensorError) -> Tensor {
    try reshaped([shape.prefix(axes).reduce(1, *)] + shape.dropFirst(axes))
  }
}

public import Tensors

/// Self-attention between the patches of feature maps, with its result split into L features that add up to it.
///
///     attend(y) = Σ_j f_j        f_j = head_j(y) O_j        head_j = softmax(Q Kᵀ / √d) V_j          j = 1 … L
///
///   row-wise   tokens are the patches of one channel, P² numbers each, and see those of their row; f_j holds channels
///              (j−1)·C/L … j·C/L − 1 of the result
///   spatial    tokens are the positions of a patch, C·P² numbers each, all channels together, and see all positions;
///              V_j and O_j are the j-th of L parts of the columns of V and of the rows of Oᵀ
///
/// With one head all V_j share one softmax; with L heads each has its own, and f_j is head j. There is no positional encoding.
///
/// Shapes: y (n, C, h, w) float32; f (n, L, C, h, w); h and w multiples of P, C one of L. `attention` has the matrices
/// A, B, V, O of width P² (row-wise) or C·P² (spatial).
/// Initialisation: A = B = V = 1, O a multiple of 1: a patch then sees mostly itself, and patches that are like it.
/// Reference: Jebraeeli et al., "Expansive Synthesis: Generating Large-Scale Datasets from Minimal Samples", 2024, sections 3.2, E.1
/// and E.2.
public struct PatchAttention: Sendable {
  /// Which patches see which.
  public enum Kind: String, Sendable, CaseIterable {
    /// Those of one channel and row.
    case rowWise = "row-wise"
    /// All, with all channels.
    case spatial
  }

  /// Which patches see which.
  public let kind: Kind
  /// L.
  public let slots: Int
  /// C.
  public let channels: Int
  /// P.
  public let patch: Int
  /// The matrices, and the number of heads.
  public private(set) var attention: SelfAttention

  /// Length of a token.
  public static func width(_ kind: Kind, channels: Int, patch: Int) -> Int {
    kind == .rowWise ? patch * patch : channels * patch * patch
  }

  /// Attention that begins as said above, with O = `output` · 1.
  public init(_ kind: Kind, slots: Int, isMultiHead: Bool, channels: Int, patch: Int, output: Float) {
    let width = Self.width(kind, channels: channels, patch: patch)
    func diagonal(_ value: Float) -> Tensor {
      var values = [Float](repeating: 0, count: width * width)
      for place in 0..<width { values[place * width + place] = value }
      return Tensor(values, shape: [width, width])
    }
    let attention = SelfAttention(
      heads: isMultiHead ? slots : 1, parameters: [diagonal(1), diagonal(1), diagonal(1), diagonal(output)])
    self.init(kind, slots: slots, channels: channels, patch: patch, attention: attention)
  }

  /// Attention with the given matrices and heads: one, or as many as slots.
  public init(_ kind: Kind, slots: Int, channels: Int, patch: Int, attention: SelfAttention) {
    precondition(
      attention.width == Self.width(kind, channels: channels, patch: patch) && channels % slots == 0
        && (attention.heads == 1 || attention.heads == slots && kind == .spatial),
      "\(kind) attention of \(attention.heads) heads and width \(attention.width) does not fit \(slots) slots, "
        + "\(channels) channels and patches of \(patch)")
    self.kind = kind
    self.slots = slots
    self.channels = channels
    self.patch = patch
    self.attention = attention
  }

  /// The same attention with other matrices: how gradients with respect to them are taken.
  public func with(parameters: [Tensor]) -> PatchAttention {
    var copy = self
    copy.attention = attention.with(parameters: parameters)
    return copy
  }

  /// What the attention makes of latents.
  public struct Seen: Sendable {
    /// f, (n, L, C, h, w).
    public var features: Tensor
    /// How much each patch is looked at by all, slot by slot: (n, L, h/P, w/P), means of 1 / (patches that are seen).
    public var received: Tensor

    /// Values; see the properties.
    public init(features: Tensor, received: Tensor) {
      self.features = features
      self.received = received
    }
  }

  /// f_1 … f_L of latents (n, C, h, w), and where they come from.
  public func callAsFunction(_ maps: Tensor) throws(TensorError) -> Seen {
    switch kind {
    case .rowWise: try rowWise(maps)
    case .spatial: try spatial(maps)
    }
  }

  private func rowWise(_ maps: Tensor) throws(TensorError) -> Seen {
    let (count, height, width) = (maps.shape[0], maps.shape[2], maps.shape[3])
    let (rows, columns) = (height / patch, width / patch)
    let tokens = try maps.reshaped([count, channels, rows, patch, columns, patch]).permuted([0, 1, 2, 4, 3, 5])
      .reshaped([count * channels * rows, columns, patch * patch])
    let weights = try attention.weights(tokens).squeezed(1)
    let result = try weights.matmul(tokens.linear(attention.parameters[2])).linear(attention.parameters[3])
      .reshaped([count, channels, rows, columns, patch, patch]).permuted([0, 1, 2, 4, 3, 5])
      .reshaped([count, 1, channels, height, width])
    let group = channels / slots
    let mask = (0..<slots * channels).map { $0 % channels / group == $0 / channels ? Float(1) : 0 }
    return Seen(
      features: result * Tensor(mask, shape: [1, slots, channels, 1, 1]),
      received: try weights.mean(axes: [1]).reshaped([count, slots, group, rows, columns]).mean(axes: [2]))
  }

  private func spatial(_ maps: Tensor) throws(TensorError) -> Seen {
    let (count, height, width) = (maps.shape[0], maps.shape[2], maps.shape[3])
    let (rows, columns) = (height / patch, width / patch)
    let (patches, length) = (rows * columns, attention.width)
    let tokens = try maps.reshaped([count, channels, rows, patch, columns, patch]).permuted([0, 2, 4, 1, 3, 5])
      .reshaped([count, patches, length])
    let weights = try attention.weights(tokens)  // (n, heads, patches, patches)
    let values = try tokens.linear(attention.parameters[2]).reshaped([count, patches, slots, length / slots])
      .permuted([0, 2, 1, 3])
    let heads = try weights.matmul(values)  // (n, L, patches, length / L)
    let outputs = try attention.parameters[3].transposed().reshaped([slots, length / slots, length])
    let features = try heads.permuted([1, 0, 2, 3]).reshaped([slots, count * patches, length / slots]).matmul(outputs)
      .reshaped([slots, count, rows, columns, channels, patch, patch]).permuted([1, 0, 4, 2, 5, 3, 6])
      .reshaped([count, slots, channels, height, width])
    let received = try weights.mean(axes: [2]).expanded(to: [count, slots, patches])
      .reshaped([count, slots, rows, columns])
    return Seen(features: features, received: received)
  }
}

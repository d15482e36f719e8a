public import Tensors

/// Multi-head self-attention without positions: tokens attend to each other in whatever order they come.
///
///     attend(y) = y + concat_h( softmax(Q_h K_hᵀ / √(d/H)) V_h ) · Oᵀ        Q = y Aᵀ, K = y Bᵀ, V = y Cᵀ, split into H heads
///
/// Shapes: y (batch, tokens, d) float32, and so is the result. O is zero at first: attention begins as the identity.
/// Reference: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
public struct SelfAttention: Sendable {
  /// Number of heads; divides the width.
  public let heads: Int
  /// Length d of a token.
  public let width: Int
  /// A, B, C and O, each (d, d).
  public private(set) var parameters: [Tensor]

  /// Names of the parameters, in their order.
  public static let parameterNames = ["query.weight", "key.weight", "value.weight", "output.weight"]

  /// Draws A, B, C from U(−1/√d, 1/√d); O is zero.
  public init(width: Int, heads: Int, using random: inout RandomSource) {
    let bound = 1 / Float(width).squareRoot()
    let drawn = (0..<3).map { _ in
      Tensor(random.uniform(width * width).map { (2 * $0 - 1) * bound }, shape: [width, width])
    }
    self.init(heads: heads, parameters: drawn + [.zeros([width, width])])
  }

  /// Attention with the given weights A, B, C, O.
  public init(heads: Int, parameters: [Tensor]) {
    precondition(parameters.count == 4 && !parameters[0].shape.isEmpty, "attention has four matrices")
    let width = parameters[0].shape[0]
    precondition(
      parameters.allSatisfy { $0.shape == [width, width] } && heads > 0 && width % heads == 0,
      "attention of \(heads) heads cannot have the matrices \(parameters.map(\.shape))")
    self.heads = heads
    self.width = width
    self.parameters = parameters
  }

  /// The same attention with other parameters of the same shapes: how gradients with respect to them are taken.
  public func with(parameters: [Tensor]) -> SelfAttention {
    var copy = self
    copy.parameters = parameters
    return copy
  }

  /// How much each token looks at each other: (batch, tokens, d) → (batch, heads, tokens, tokens), rows that sum to 1.
  public func weights(_ tokens: Tensor) throws(TensorError) -> Tensor {
    let query = try split(tokens.linear(parameters[0]))
    let key = try split(tokens.linear(parameters[1]))
    let scale = 1 / Double(width / heads).squareRoot()
    return try (query.matmul(key.transposed()) * scale).softmax(axis: -1)
  }

  /// What each head sees: (batch, tokens, d) → (batch, heads, tokens, d / heads).
  public func views(_ tokens: Tensor) throws(TensorError) -> Tensor {
    try weights(tokens).matmul(split(tokens.linear(parameters[2])))
  }

  /// (batch, tokens, d) → (batch, tokens, d).
  public func callAsFunction(_ tokens: Tensor) throws(TensorError) -> Tensor {
    let joined = try views(tokens).permuted([0, 2, 1, 3]).reshaped(tokens.shape)
    return try tokens + joined.linear(parameters[3])
  }

  /// (batch, tokens, d) → (batch, heads, tokens, d / heads).
  private func split(_ tokens: Tensor) throws(TensorError) -> Tensor {
    try tokens.reshaped([tokens.shape[0], tokens.shape[1], heads, width / heads]).permuted([0, 2, 1, 3])
  }
}

internal import Foundation
public import Tensors

/// A kernel on embeddings, and the maximum mean discrepancy (MMD) under it.
///
///     MMD²(X, Y) = mean K(X, X) − 2 mean K(X, Y) + mean K(Y, Y)        (V-statistic: the diagonals count)
///
/// Shapes: X (n, d), Y (m, d) float32.
///   gaussianMixture  Σ_{k=−2..2} exp(−‖x−y‖² / (2ᵏ w b)), b = Σ‖x−y‖² / (N² − N) over the stack of N = n + m rows, held
///                    constant (no gradient flows through b); w is the `width`
///   gaussian         exp(−‖x−y‖² / (w b))
///   linear           xᵀy, for which MMD² is ‖mean X − mean Y‖², the loss of DM
///   polynomial       (xᵀy + 1)²
/// Reference: Zhang et al., "M3D", AAAI 2024, Eq. 8–9; the mixture is that of its published implementations.
public enum Kernel: Sendable, Equatable {
  /// Five Gaussians around `width` times the mean squared distance of the batch.
  case gaussianMixture(width: Double = 1)
  /// One Gaussian of `width` times that distance.
  ///
  /// The wider it is, the nearer to the linear kernel (in linear units).
  case gaussian(width: Double = 1)
  /// The inner product.
  case linear
  /// The squared inner product with offset 1.
  case polynomial

  /// The multiples of the bandwidth in the mixture.
  static let mixtureScales: [Double] = [0.25, 0.5, 1, 2, 4]

  /// MMD² of two samples, a scalar; differentiable in both.
  ///
  /// With `inLinearUnits` the kernel is multiplied by a constant of the batch so that, at the batch's mean squared
  /// distance (for the polynomial: at its mean inner product), it has the slope of the linear kernel; see `linearUnits`.
  public func squaredMMD(_ x: Tensor, _ y: Tensor, inLinearUnits: Bool = false) throws(TensorError) -> Tensor {
    if self == .linear {
      return try (x.mean(axes: [0]) - y.mean(axes: [0])).squared().sum()
    }
    let stack = try Gram(x: x, y: y, products: self == .polynomial)
    let units = inLinearUnits ? linearUnits(at: stack.scale) : 1
    func mean(_ pairs: Tensor) throws(TensorError) -> Tensor {
      // Row by row: a sum of all values at once would be split by threads, and its last digits depend on their number.
      try values(pairs, at: stack.scale).mean(axes: [1]).mean()
    }
    let discrepancy = try mean(stack.xx) + mean(stack.yy) - 2 * mean(stack.xy)
    return discrepancy * units
  }

  /// Kernel values from squared distances (Gaussians) or inner products (linear, polynomial).
  ///
  /// `scale` is the batch's mean squared distance, from which the Gaussians take their bandwidth.
  func values(_ pairs: Tensor, at scale: Double) -> Tensor {
    switch self {
    case .gaussianMixture(let width):
      var sum: Tensor?
      for factor in Self.mixtureScales {
        let term = (pairs * (-1 / (factor * width * scale))).exp()
        sum = sum.map { $0 + term } ?? term
      }
      return sum ?? pairs
    case .gaussian(let width):
      return (pairs * (-1 / (width * scale))).exp()
    case .linear:
      return pairs
    case .polynomial:
      return (pairs + 1).squared()
    }
  }

  /// The factor that gives the kernel the slope of the linear kernel at the scale of the batch.
  ///
  /// As functions of the squared distance s the linear kernel has slope −½ (xᵀy = ½(‖x‖² + ‖y‖² − s)) and the mixture
  /// −Σ exp(−s/(2ᵏwb)) / (2ᵏwb); at s = b the ratio is wb / (2 Σ 2⁻ᵏ exp(−2⁻ᵏ/w)), which is 0.413 b for w = 1. The
  /// polynomial has slope 2(p + 1) in the inner product p, where the linear kernel has 1.
  func linearUnits(at scale: Double) -> Double {
    switch self {
    case .gaussianMixture(let width):
      width * scale / (2 * Self.mixtureScales.reduce(0) { $0 + exp(-1 / ($1 * width)) / $1 })
    case .gaussian(let width):
      width * scale * exp(1 / width) / 2
    case .linear:
      1
    case .polynomial:
      1 / (2 * (scale + 1))
    }
  }
}

/// All pairs of the stacked rows of two samples, and their scale as a plain number.
private struct Gram {
  let xx: Tensor
  let xy: Tensor
  let yy: Tensor
  /// Mean over all ordered pairs of different rows of the stack; not less than a tiny positive number for distances.
  let scale: Double

  init(x: Tensor, y: Tensor, products: Bool) throws(TensorError) {
    func pairs(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
      products ? try a.matmul(b.transposed(0, 1)) : try a.squaredDistances(to: b)
    }
    xx = try pairs(x, x)
    xy = try pairs(x, y)
    yy = try pairs(y, y)
    let rows = x.shape[0] + y.shape[0]
    let ordered = Double(rows * rows - rows)
    func total(_ values: Tensor) throws(TensorError) -> Double { try values.sum(axes: [1]).sum().item }
    var sum = try total(xx.detached()) + 2 * total(xy.detached()) + total(yy.detached())
    if products {
      sum -= try total(x.detached().squared()) + total(y.detached().squared())
      scale = sum / ordered
    } else {
      // Identical rows have no scale; any will do, as all kernel values are then 1.
      scale = max(sum / ordered, 1e-12)
    }
  }
}

extension Kernel {
  /// The name on the command line, without the width.
  public var name: String {
    switch self {
    case .gaussianMixture: "gaussian-mixture"
    case .gaussian: "gaussian"
    case .linear: "linear"
    case .polynomial: "polynomial"
    }
  }

  /// The width, where it has one.
  public var width: Double? {
    switch self {
    case .gaussianMixture(let width), .gaussian(let width): width
    case .linear, .polynomial: nil
    }
  }

  /// The same kernel with another width; itself where it has none.
  public func with(width: Double) -> Kernel {
    switch self {
    case .gaussianMixture: .gaussianMixture(width: width)
    case .gaussian: .gaussian(width: width)
    case .linear, .polynomial: self
    }
  }
}

// Element-wise operators. Two tensors are broadcast as in NumPy; a number takes the type of the tensor.

extension Tensor {
  private static func binary(_ name: String, _ operation: C.Binary, _ a: Tensor, _ b: Tensor) -> Tensor {
    must(name, [a, b]) { C.binary(operation, a.reference, b.reference, &$0) }
  }

  private static func binary(_ name: String, _ operation: C.Binary, _ a: Tensor, _ b: Double) -> Tensor {
    must(name, [a]) { C.binaryScalar(operation, a.reference, b, false, &$0) }
  }

  private static func binary(_ name: String, _ operation: C.Binary, _ a: Double, _ b: Tensor) -> Tensor {
    must(name, [b]) { C.binaryScalar(operation, b.reference, a, true, &$0) }
  }

  /// Sum, element by element.
  public static func + (a: Tensor, b: Tensor) -> Tensor { binary("+", C.add, a, b) }
  /// Sum, element by element.
  public static func + (a: Tensor, b: Double) -> Tensor { binary("+", C.add, a, b) }
  /// Sum, element by element.
  public static func + (a: Double, b: Tensor) -> Tensor { binary("+", C.add, b, a) }
  /// Sum, element by element.
  @_disfavoredOverload
  public static func + (a: Tensor, b: Float) -> Tensor { a + Double(b) }
  /// Sum, element by element.
  @_disfavoredOverload
  public static func + (a: Float, b: Tensor) -> Tensor { Double(a) + b }
  /// Adds to the variable.
  public static func += (a: inout Tensor, b: Tensor) { a = a + b }

  /// Difference, element by element.
  public static func - (a: Tensor, b: Tensor) -> Tensor { binary("-", C.subtract, a, b) }
  /// Difference, element by element.
  public static func - (a: Tensor, b: Double) -> Tensor { binary("-", C.subtract, a, b) }
  /// Difference, element by element.
  public static func - (a: Double, b: Tensor) -> Tensor { binary("-", C.subtract, a, b) }
  /// Difference, element by element.
  @_disfavoredOverload
  public static func - (a: Tensor, b: Float) -> Tensor { a - Double(b) }
  /// Difference, element by element.
  @_disfavoredOverload
  public static func - (a: Float, b: Tensor) -> Tensor { Double(a) - b }
  /// Subtracts from the variable.
  public static func -= (a: inout Tensor, b: Tensor) { a = a - b }

  /// Product, element by element.
  public static func * (a: Tensor, b: Tensor) -> Tensor { binary("*", C.multiply, a, b) }
  /// Product, element by element.
  public static func * (a: Tensor, b: Double) -> Tensor { binary("*", C.multiply, a, b) }
  /// Product, element by element.
  public static func * (a: Double, b: Tensor) -> Tensor { binary("*", C.multiply, b, a) }
  /// Product, element by element.
  @_disfavoredOverload
  public static func * (a: Tensor, b: Float) -> Tensor { a * Double(b) }
  /// Product, element by element.
  @_disfavoredOverload
  public static func * (a: Float, b: Tensor) -> Tensor { Double(a) * b }
  /// Multiplies the variable.
  public static func *= (a: inout Tensor, b: Tensor) { a = a * b }

  /// Quotient, element by element; integers give float32.
  public static func / (a: Tensor, b: Tensor) -> Tensor { binary("/", C.divide, a, b) }
  /// Quotient, element by element; integers give float32.
  public static func / (a: Tensor, b: Double) -> Tensor { binary("/", C.divide, a, b) }
  /// Quotient, element by element; integers give float32.
  public static func / (a: Double, b: Tensor) -> Tensor { binary("/", C.divide, a, b) }
  /// Quotient, element by element; integers give float32.
  @_disfavoredOverload
  public static func / (a: Tensor, b: Float) -> Tensor { a / Double(b) }
  /// Quotient, element by element; integers give float32.
  @_disfavoredOverload
  public static func / (a: Float, b: Tensor) -> Tensor { Double(a) / b }
  /// Divides the variable.
  public static func /= (a: inout Tensor, b: Tensor) { a = a / b }

  /// The additive inverse.
  public static prefix func - (a: Tensor) -> Tensor { a.unary("-", C.negate) }

  /// Where a is less than b; bool.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { binary(".<", C.less, a, b) }
  /// Where a is less than b; bool.
  public static func .< (a: Tensor, b: Double) -> Tensor { binary(".<", C.less, a, b) }
  /// Where a is greater than b; bool.
  public static func .> (a: Tensor, b: Tensor) -> Tensor { binary(".>", C.greater, a, b) }
  /// Where a is greater than b; bool.
  public static func .> (a: Tensor, b: Double) -> Tensor { binary(".>", C.greater, a, b) }
  /// Where a equals b; bool.
  public static func .== (a: Tensor, b: Tensor) -> Tensor { binary(".==", C.equal, a, b) }
  /// Where a equals b; bool.
  public static func .== (a: Tensor, b: Double) -> Tensor { binary(".==", C.equal, a, b) }

  /// a to the power of `exponent`, element by element.
  public func pow(_ exponent: Double) -> Tensor { Tensor.binary("pow", C.power, self, exponent) }
  /// a to the power of `exponent`, element by element.
  public func pow(_ exponent: Tensor) -> Tensor { Tensor.binary("pow", C.power, self, exponent) }
  /// The larger one, element by element; the gradient of equal ones is shared.
  public static func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { binary("maximum", C.maximum, a, b) }
  /// The smaller one, element by element; the gradient of equal ones is shared.
  public static func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { binary("minimum", C.minimum, a, b) }
}

// MARK: Functions of one tensor

extension Tensor {
  func unary(_ name: String, _ operation: C.Unary) -> Tensor {
    Tensor.must(name, [self]) { C.unary(operation, reference, &$0) }
  }

  /// Square root.
  public func sqrt() -> Tensor { unary("sqrt", C.sqrt) }
  /// e to the power of each element.
  public func exp() -> Tensor { unary("exp", C.exp) }
  /// Natural logarithm.
  public func log() -> Tensor { unary("log", C.log) }
  /// Absolute value; its derivative at 0 is 0.
  public func abs() -> Tensor { unary("abs", C.abs) }
  /// The element where positive, else 0; its derivative at 0 is 0.
  public func relu() -> Tensor { unary("relu", C.relu) }
  /// 1 / (1 + e^-x).
  public func sigmoid() -> Tensor { unary("sigmoid", C.sigmoid) }
  /// Hyperbolic tangent.
  public func tanh() -> Tensor { unary("tanh", C.tanh) }
  /// Sine of radians.
  public func sin() -> Tensor { unary("sin", C.sin) }
  /// Cosine of radians.
  public func cos() -> Tensor { unary("cos", C.cos) }
  /// To the nearest integer, halves to the even one; its derivative is 0.
  public func rounded() -> Tensor { unary("rounded", C.round) }
  /// To the integer at or below; its derivative is 0.
  public func floored() -> Tensor { unary("floored", C.floor) }
  /// 1 / x.
  public func reciprocal() -> Tensor { unary("reciprocal", C.reciprocal) }
  /// x².
  public func squared() -> Tensor { unary("squared", C.square) }
  /// x · sigmoid(x).
  public func silu() -> Tensor { unary("silu", C.silu) }
  /// Where the element is neither infinite nor NaN; bool.
  public func isFinite() -> Tensor { unary("isFinite", C.isFinite) }

  /// Each element moved into min...max, or to one side where only one bound is given; the derivative is 0 outside.
  public func clamped(min: Double? = nil, max: Double? = nil) -> Tensor {
    guard min != nil || max != nil else { return self }
    let low = min.map { [$0] }
    let high = max.map { [$0] }
    return Tensor.must("clamped", [self]) { C.clamp(reference, low, high, &$0) }
  }

  /// The elements of `a` where `condition` (bool) holds, of `b` elsewhere; all three are broadcast.
  public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    must("where", [condition, a, b]) { C.choose(condition.reference, a.reference, b.reference, &$0) }
  }
}

infix operator .< : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .== : ComparisonPrecedence

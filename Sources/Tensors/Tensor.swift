/// Type of a tensor's elements.
public enum DType: Sendable, Hashable, CaseIterable {
  /// 32-bit IEEE floating point; the default everywhere.
  case float32
  /// 16-bit floating point with the exponent of float32.
  case bfloat16
  /// 64-bit IEEE floating point.
  case float64
  /// Bytes 0 to 255; pixels.
  case uint8
  /// 64-bit integers; labels and indices.
  case int64
  /// Truth values; results of comparisons.
  case bool

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .float32: 4
    case .bfloat16: 2
    case .float64, .int64: 8
    case .uint8, .bool: 1
    }
  }

  /// Whether gradients can flow through it.
  public var isFloating: Bool { self == .float32 || self == .bfloat16 || self == .float64 }
}

/// Where a tensor's elements live and its operations run.
///
/// New tensors are on the process's one compute device (see `Runtime.configure`), and results are where their arguments are;
/// values come back by `item`, `floats()` and the like. On the processor kernels of our own do what matters for speed; on
/// other devices the library's operations compute the same.
public enum Device: Sendable, Hashable, CustomStringConvertible {
  /// Main memory and the processor.
  case cpu
  /// The CUDA device with this index.
  case cuda(Int)

  /// `cpu`, `cuda`, `cuda:1`.
  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(0): "cuda"
    case .cuda(let index): "cuda:\(index)"
    }
  }
}

/// An immutable n-dimensional array of numbers.
///
/// Copies share their elements and are as cheap as a reference. Operations make new tensors (views share memory with their
/// source, which nobody can observe). Operators, element-wise functions and initialisers trap when shapes do not fit, with
/// both shapes in the message, as indexing an array out of range does; all else throws `TensorError`.
///
/// Operations block, and are quickest from one thread for the whole run: see `Runtime.configure(threads:)`.
public struct Tensor: Sendable {
  let handle: Handle

  init(_ handle: Handle) { self.handle = handle }

  /// Extent of each axis; empty for a scalar.
  public var shape: [Int] { handle.shape }
  /// Number of axes.
  public var rank: Int { handle.shape.count }
  /// Number of elements.
  public var count: Int { handle.shape.reduce(1, *) }
  /// Type of the elements.
  public var dtype: DType { handle.dtype }
  /// Where the elements live.
  public var device: Device { handle.device }
  /// Whether channels are innermost in memory: see `channelsLast()`.
  public var isChannelsLast: Bool { handle.isChannelsLast }
}

// MARK: Creation

extension Tensor {
  /// A float32 tensor of `values` in row-major order.
  ///
  /// - Precondition: As many values as the shape has elements.
  public init(_ values: [Float], shape: [Int]) {
    self = values.withUnsafeBytes { Tensor.copying($0, .float32, shape) }
  }

  /// A float64 tensor of `doubles` in row-major order.
  ///
  /// - Precondition: As many values as the shape has elements.
  public init(doubles: [Double], shape: [Int]) {
    self = doubles.withUnsafeBytes { Tensor.copying($0, .float64, shape) }
  }

  /// A uint8 tensor of `bytes` in row-major order; one copy.
  ///
  /// - Precondition: As many bytes as the shape has elements.
  public init(bytes: [UInt8], shape: [Int]) {
    self = bytes.withUnsafeBytes { Tensor.copying($0, .uint8, shape) }
  }

  /// A uint8 tensor of the bytes in `bytes`, which are copied once and need not outlive the call.
  ///
  /// - Precondition: As many bytes as the shape has elements.
  public init(bytes: UnsafeRawBufferPointer, shape: [Int]) {
    self = Tensor.copying(bytes, .uint8, shape)
  }

  /// An int64 tensor of `integers` in row-major order; of rank 1 when no shape is given.
  ///
  /// - Precondition: As many integers as the shape has elements.
  public init(integers: [Int], shape: [Int]? = nil) {
    self = integers.map(Int64.init).withUnsafeBytes { Tensor.copying($0, .int64, shape ?? [integers.count]) }
  }

  /// A scalar, of rank 0.
  public init(_ value: Double, dtype: DType = .float32) {
    self = .full(value, [], dtype: dtype)
  }

  private static func copying(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ shape: [Int]) -> Tensor {
    let dims = shape.map(Int64.init)
    return must("init\(shape)", []) {
      C.fromData(bytes.baseAddress, bytes.count, dtype.code, dims, dims.count, &$0)
    }
  }

  /// All elements 0.
  public static func zeros(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    full(0, shape, dtype: dtype)
  }

  /// All elements 1.
  public static func ones(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    full(1, shape, dtype: dtype)
  }

  /// All elements `value`.
  ///
  /// - Precondition: No extent is negative.
  public static func full(_ value: Double, _ shape: [Int], dtype: DType = .float32) -> Tensor {
    let dims = shape.map(Int64.init)
    return must("full\(shape)", []) { C.full(value, dtype.code, dims, dims.count, &$0) }
  }

  /// start, start + step, ..., `count` elements in all; rank 1.
  public static func arange(
    _ count: Int, from start: Double = 0, step: Double = 1, dtype: DType = .float32
  ) -> Tensor {
    must("arange", []) { C.arange(start, step, Int64(count), dtype.code, &$0) }
  }
}

extension Device {
  /// As the C library says it: -1 for the processor, else the index.
  var code: Int32 {
    switch self {
    case .cpu: -1
    case .cuda(let index): Int32(index)
    }
  }

  init(code: Int32) { self = code < 0 ? .cpu : .cuda(Int(code)) }
}

// MARK: Values

extension Tensor {
  /// The elements in row-major order, converted to Float.
  public func floats() -> [Float] { values(.float32, of: Float.self) }

  /// The elements in row-major order, converted to Double.
  public func doubles() -> [Double] { values(.float64, of: Double.self) }

  /// The elements in row-major order, converted to bytes as a C cast does: round and clamp before.
  public func bytes() -> [UInt8] { values(.uint8, of: UInt8.self) }

  /// The elements in row-major order, converted to integers (fractions are cut off).
  public func integers() -> [Int] { values(.int64, of: Int64.self).map(Int.init) }

  /// The value of a tensor of one element.
  ///
  /// - Precondition: The tensor has one element.
  public var item: Double {
    guard count == 1 else { Tensor.stop(TensorError("item", [shape], "expected one element, found \(count)")) }
    return doubles()[0]
  }

  private func values<Element>(_ dtype: DType, of: Element.Type) -> [Element] {
    [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(TensorError) {
        try Tensor.run("values", [self]) {
          C.copyOut(reference, dtype.code, buffer.baseAddress, buffer.count * MemoryLayout<Element>.stride)
        }
      } catch {
        Tensor.stop(error)
      }
      initialized = buffer.count
    }
  }
}

// MARK: Type, place, memory order

extension Tensor {
  /// The same values as elements of another type; the tensor itself when that is its type.
  public func to(_ dtype: DType) -> Tensor {
    dtype == self.dtype ? self : Tensor.must("to", [self]) { C.toDType(reference, dtype.code, &$0) }
  }

  /// The same values on another device; the tensor itself when it is there.
  ///
  /// Throws when there is no such device or its memory is exhausted.
  public func to(_ device: Device) throws(TensorError) -> Tensor {
    device == self.device ? self : try Tensor.make("to", [self]) { C.toDevice(reference, device.code, &$0) }
  }

  /// The same values with channels innermost in memory; the shape stays (n, c, h, w).
  ///
  /// Convolutions are quicker on it and keep the order. Throws unless the rank is 4.
  public func channelsLast() throws(TensorError) -> Tensor {
    try Tensor.make("channelsLast", [self]) { C.channelsLast(reference, &$0) }
  }

  /// The same values in row-major memory order.
  public func contiguous() -> Tensor {
    Tensor.must("contiguous", [self]) { C.contiguous(reference, &$0) }
  }

  /// The same values as a constant: no gradient flows through it.
  public func detached() -> Tensor {
    Tensor.must("detached", [self]) { C.detach(reference, &$0) }
  }
}

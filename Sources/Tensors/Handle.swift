internal import CTorch

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Owner of one tensor of the C library, with what is asked about it most.
///
/// `@unchecked Sendable`: the tensor behind the reference is never written to after its creation (no in-place operation is
/// exported), its reference count is atomic, and everything stored here is constant.
final class Handle: @unchecked Sendable {
  let reference: Reference
  let shape: [Int]
  let dtype: DType
  let device: Device
  let isChannelsLast: Bool

  /// Takes over the new reference, which is freed even when this throws.
  init(owning reference: Reference, _ operation: String) throws(TensorError) {
    var description = CTDescription()
    let failure = ct_describe(reference, &description)
    self.reference = reference
    shape = withUnsafeBytes(of: description.shape) { bytes in
      bytes.bindMemory(to: Int64.self).prefix(Int(description.rank)).map(Int.init)
    }
    dtype = DType(description.dtype)
    device = Device(code: description.device)
    isChannelsLast = description.channels_last
    // Every property is set, so a throw from here on runs `deinit`, which frees the reference.
    if let failure { throw TensorError(operation, [], text(of: failure)) }
  }

  deinit { ct_free(reference) }
}

/// A reference to a tensor of the C library.
typealias Reference = CTTensorRef
/// Nil, or the message of a failed C call.
typealias Failure = UnsafeMutablePointer<CChar>?
/// A C call that makes one tensor.
typealias Call = (inout Reference?) -> Failure

/// The text of a failure, whose memory is freed.
private func text(of failure: UnsafeMutablePointer<CChar>) -> String {
  defer { free(failure) }
  return String(cString: failure)
}

extension Tensor {
  /// The borrowed C reference; valid while the tensor is alive.
  var reference: Reference { handle.reference }

  /// Runs a C call that makes one tensor out of `inputs`, which stay alive until it returns and are named in its error.
  static func make(_ operation: String, _ inputs: [Tensor], _ call: Call) throws(TensorError) -> Tensor {
    var result: Reference?
    try run(operation, inputs) { call(&result) }
    guard let result else { throw TensorError(operation, inputs.map(\.shape), C.memoryExhausted) }
    return Tensor(try Handle(owning: result, operation))
  }

  /// Runs a C call that makes `count` tensors out of `inputs`.
  static func make(
    _ count: Int, _ operation: String, _ inputs: [Tensor], _ call: (UnsafeMutablePointer<Reference?>) -> Failure
  ) throws(TensorError) -> [Tensor] {
    var results = [Reference?](repeating: nil, count: count)
    try run(operation, inputs) { results.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap(call) } }
    var tensors: [Tensor] = []
    var failure: TensorError?
    for case let result? in results {
      // Every reference is taken over, whatever happens to the ones before it.
      do throws(TensorError) { tensors.append(Tensor(try Handle(owning: result, operation))) } catch { failure = error }
    }
    if let failure { throw failure }
    guard tensors.count == count else { throw TensorError(operation, inputs.map(\.shape), C.memoryExhausted) }
    return tensors
  }

  /// Runs a C call; `inputs` stay alive until it returns and are named in its error.
  static func run(_ operation: String, _ inputs: [Tensor], _ call: () -> Failure) throws(TensorError) {
    let failure = withExtendedLifetime(inputs) { call() }
    if let failure { throw TensorError(operation, inputs.map(\.shape), text(of: failure)) }
  }

  /// As `make`, where only a mistake in the program can fail: traps with the operation and the shapes.
  static func must(_ operation: String, _ inputs: [Tensor], _ call: Call) -> Tensor {
    do throws(TensorError) {
      return try make(operation, inputs, call)
    } catch {
      stop(error)
    }
  }

  /// Stops the program because of a mistake in it, and says which one.
  ///
  /// Memory that an operator is not given is no mistake, but operators cannot throw: who set `Runtime.onExhaustion` decides
  /// how the program leaves then.
  static func stop(_ mistake: TensorError) -> Never {
    if mistake.isOutOfMemory, let leave = Runtime.onExhaustion { leave(mistake) }
    // Not a precondition: a release build drops its message, and without the shapes nobody finds the mistake.
    fatalError(mistake.description)
  }
}

extension DType {
  init(_ dtype: CTDType) {
    switch dtype {
    case CT_BFLOAT16: self = .bfloat16
    case CT_FLOAT64: self = .float64
    case CT_UINT8: self = .uint8
    case CT_INT64: self = .int64
    case CT_BOOL: self = .bool
    default: self = .float32
    }
  }

  var code: CTDType {
    switch self {
    case .float32: CT_FLOAT32
    case .bfloat16: CT_BFLOAT16
    case .float64: CT_FLOAT64
    case .uint8: CT_UINT8
    case .int64: CT_INT64
    case .bool: CT_BOOL
    }
  }
}

/// The C functions under Swift names: this file alone imports them, so what the library is made of can change behind it.
enum C {
  static let fromData = ct_from_data
  static let full = ct_full
  static let arange = ct_arange
  static let copyOut = ct_copy_out
  static let toDType = ct_to_dtype
  static let toDevice = ct_to_device
  static let channelsLast = ct_channels_last
  static let contiguous = ct_contiguous
  static let detach = ct_detach

  static let unary = ct_unary
  static let binary = ct_binary
  static let binaryScalar = ct_binary_scalar
  static let clamp = ct_clamp
  static let choose = ct_where
  typealias Unary = CTUnary
  static let negate = CT_NEGATE
  static let sqrt = CT_SQRT
  static let exp = CT_EXP
  static let log = CT_LOG
  static let abs = CT_ABS
  static let relu = CT_RELU
  static let sigmoid = CT_SIGMOID
  static let tanh = CT_TANH
  static let sin = CT_SIN
  static let cos = CT_COS
  static let round = CT_ROUND
  static let floor = CT_FLOOR
  static let reciprocal = CT_RECIPROCAL
  static let square = CT_SQUARE
  static let silu = CT_SILU
  static let isFinite = CT_IS_FINITE
  typealias Binary = CTBinary
  static let add = CT_ADD
  static let subtract = CT_SUBTRACT
  static let multiply = CT_MULTIPLY
  static let divide = CT_DIVIDE
  static let power = CT_POWER
  static let less = CT_LESS
  static let greater = CT_GREATER
  static let equal = CT_EQUAL
  static let minimum = CT_MINIMUM
  static let maximum = CT_MAXIMUM

  static let reduce = ct_reduce
  typealias Reduction = CTReduction
  static let sum = CT_SUM
  static let mean = CT_MEAN
  static let max = CT_MAX
  static let min = CT_MIN
  static let logSumExp = CT_LOG_SUM_EXP
  static let argmax = ct_argmax
  static let softmax = ct_softmax
  static let cumulativeSum = ct_cumulative_sum
  static let topK = ct_top_k
  static let crossEntropy = ct_cross_entropy
  static let matmul = ct_matmul
  static let linear = ct_linear
  static let squaredDistances = ct_squared_distances
  static let orthonormalColumns = ct_orthonormal_columns
  static let symmetricEigen = ct_symmetric_eigen

  static let reshape = ct_reshape
  static let flatten = ct_flatten
  static let transpose = ct_transpose
  static let permute = ct_permute
  static let unsqueeze = ct_unsqueeze
  static let squeeze = ct_squeeze
  static let expand = ct_expand
  static let slice = ct_slice
  static let indexSelect = ct_index_select
  static let gather = ct_gather
  static let concatenate = ct_concatenate
  static let stack = ct_stack
  static let pad = ct_pad
  static let flip = ct_flip
  static let roll = ct_roll

  static let convolution2d = ct_convolution2d
  static let transposedConvolution2d = ct_transposed_convolution2d
  static let averagePool2d = ct_average_pool2d
  static let maxPool2d = ct_max_pool2d
  static let groupNorm = ct_group_norm
  static let batchNorm = ct_batch_norm
  static let batchNormTraining = ct_batch_norm_training
  static let upsampleBilinear = ct_upsample_bilinear
  static let affineSample = ct_affine_sample
  static let convolution3x3 = ct_convolution3x3
  static let convolutionNormReluPool = ct_convolution_norm_relu_pool
  static let normReluPool = ct_norm_relu_pool
  static let normReluPoolComposite = ct_norm_relu_pool_composite
  typealias Instructions = CTInstructions
  static let bestInstructions = CT_INSTRUCTIONS_BEST
  static let portableInstructions = CT_INSTRUCTIONS_PORTABLE
  static let avx2Instructions = CT_INSTRUCTIONS_AVX2
  static let avx512Instructions = CT_INSTRUCTIONS_AVX512
  static let supportsInstructions = ct_supports_instructions

  static let track = ct_track
  static let gradients = ct_gradients
  static let sgdStep = ct_sgd_step
  static let adamStep = ct_adam_step

  static let memoryExhausted = CT_MEMORY_EXHAUSTED
  static let keepFreedMemory = ct_keep_freed_memory
  static let setThreads = ct_set_threads
  static let threads = ct_threads
  static let setDeterministic = ct_set_deterministic
  static let hasCUDA = ct_has_cuda
  static let setDevice = ct_set_device
  static let device = ct_device
  static let useLibraryOperations = ct_use_library_operations
  static let libraryVersion = ct_library_version
  static let residentAtLoad = ct_resident_at_load
}

internal import Synchronization

private let exhaustion = Mutex<(@Sendable (TensorError) -> Never)?>(nil)

/// Settings of the whole process.
public enum Runtime {
  /// Makes freed memory stay in the process: without this every large result faults its pages anew, several times the cost
  /// of the arithmetic.
  ///
  /// Call it first in `main`: it does its full work only before the first other thread starts. Returns false where the C
  /// library has no such settings, which costs speed and nothing else.
  @discardableResult
  public static func keepFreedMemory() -> Bool { C.keepFreedMemory() }

  /// Prepares the process and the calling thread for tensor work: the memory settings, the device on which tensors are
  /// created, `threads` threads for each operation, and with `deterministic` only such CUDA convolutions as give the same
  /// result each time.
  ///
  /// Call it before the first tensor, on the thread that will do the tensor work: the thread count holds for that thread
  /// alone. Throws unless `threads` is positive and the device exists.
  public static func configure(
    threads: Int, device: Device = .cpu, deterministic: Bool = true
  ) throws(TensorError) {
    keepFreedMemory()
    try Tensor.run("configure", []) { C.setDevice(device.code) }
    try Tensor.run("configure", []) { C.setThreads(Int32(clamping: threads)) }
    try Tensor.run("configure", []) { C.setDeterministic(deterministic) }
  }

  /// Ends the program when the system gives an operator, which cannot throw, no memory; it runs on the thread of the operator.
  ///
  /// Set it once, before the first tensor. Without it such a lack stops the program as a mistake in it does.
  public static var onExhaustion: (@Sendable (TensorError) -> Never)? {
    get { exhaustion.withLock { $0 } }
    set { exhaustion.withLock { $0 = newValue } }
  }

  /// Threads of one operation that is called from this thread.
  public static var threads: Int { Int(C.threads()) }

  /// The device on which tensors are created.
  public static var device: Device { Device(code: C.device()) }

  /// Whether there is a CUDA device that this libtorch can use.
  public static var hasCUDA: Bool { C.hasCUDA() }

  /// Runs `body` with the library's operations alone: what every device but the processor gets.
  ///
  /// Tests compare them with kernels of our own. It holds for the calling thread.
  static func withLibraryOperations<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    C.useLibraryOperations(true)
    defer { C.useLibraryOperations(false) }
    return try body()
  }

  /// Bytes in memory when the library had been loaded and nothing was computed; 0 where the system does not say.
  public static var residentAtLoad: Int { Int(C.residentAtLoad()) }

  /// Version of libtorch, such as "1.13.0".
  public static var libraryVersion: String { String(cString: C.libraryVersion()) }
}

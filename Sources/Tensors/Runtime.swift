/// Settings of the whole process.
public enum Runtime {
  /// Makes freed memory stay in the process: without this every large result faults its pages anew, several times the cost
  /// of the arithmetic.
  ///
  /// Call it first in `main`: it does its full work only before the first other thread starts. Returns false where the C
  /// library has no such settings, which costs speed and nothing else.
  @discardableResult
  public static func keepFreedMemory() -> Bool { C.keepFreedMemory() }

  /// Prepares the calling thread for tensor work: the memory settings, `threads` threads for each operation, and with
  /// `deterministic` only such CUDA convolutions as give the same result each time.
  ///
  /// Call it on the thread that will do the tensor work: the thread count holds for that thread alone.
  /// Throws unless `threads` is positive.
  public static func configure(threads: Int, deterministic: Bool = true) throws(TensorError) {
    keepFreedMemory()
    try Tensor.run("configure", []) { C.setThreads(Int32(clamping: threads)) }
    try Tensor.run("configure", []) { C.setDeterministic(deterministic) }
  }

  /// Threads of one operation that is called from this thread.
  public static var threads: Int { Int(C.threads()) }

  /// Whether there is a CUDA device that this libtorch can use.
  public static var hasCUDA: Bool { C.hasCUDA() }

  /// Version of libtorch, such as "1.13.0".
  public static var libraryVersion: String { String(cString: C.libraryVersion()) }
}

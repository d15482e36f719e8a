internal import Glibc

/// A thread that hands a stream from one descriptor to another, and lets it be recorded on the way.
///
/// Unchecked: the thread owns everything until it was waited for.
final class StreamCopy: @unchecked Sendable {
  private let source: Int32
  private let target: Int32
  private let recording: StepRecording?
  private var thread = pthread_t()
  private var isWaitedFor = false
  /// Whether every byte was handed on.
  private var isWhole = false

  /// Begins to copy; both descriptors are closed when it ends.
  init(from source: Int32, to target: Int32, recording: StepRecording? = nil) {
    self.source = source
    self.target = target
    self.recording = recording
    let context = Unmanaged.passRetained(self).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<StreamCopy>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    precondition(status == 0, "the system gives no thread")
  }

  /// Waits for the end; whether every byte was handed on.
  func wait() -> Bool {
    if !isWaitedFor { pthread_join(thread, nil) }
    isWaitedFor = true
    return isWhole
  }

  private func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer {
      buffer.deallocate()
      close(source)
      close(target)
    }
    while true {
      let count = read(source, buffer.baseAddress, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        isWhole = count == 0
        if isWhole { recording?.finish() }
        return
      }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      recording?.write(bytes)
      // Whoever read has gone: whoever writes learns it by the closed pipe.
      guard writeAll(bytes, to: target) == nil else { return }
    }
  }
}

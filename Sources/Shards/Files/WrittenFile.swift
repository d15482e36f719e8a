internal import Datasets
internal import Glibc

/// A file that is on its way to the disk while the next one is being written.
final class WrittenFile {
  private let name: String
  private let descriptor: Int32

  /// Takes over a descriptor.
  init(_ descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// Lets the disk begin, and waits for nothing.
  func start() {
    // Said of pages that are not written yet, this only asks for them to be written.
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
  }

  deinit {
    close(descriptor)
  }

  /// Waits until the file is durable.
  ///
  /// - Throws: `DataError` (`.io`).
  func sync() throws(DataError) {
    guard fsync(descriptor) == 0 else { throw systemError(.io, at: [name], "cannot be made durable") }
  }
}

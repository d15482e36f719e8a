internal import Glibc

/// Puts something harmless where a standard stream is closed.
///
/// The system gives the lowest free number to the next file that is opened: with the standard error closed, the log would
/// be written into a shard. Input and output are filled so that using them still fails, with "bad file descriptor".
func fillClosedStandardStreams() {
  for (descriptor, mode) in [(Int32(0), O_WRONLY), (1, O_RDONLY), (2, O_WRONLY)] {
    guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
    // Lower ones are filled already, so this takes exactly the number that is free.
    _ = open("/dev/null", mode)
  }
}

/// The descriptors that this process was started with: those that `/dev/fd/9` can mean.
enum InheritedDescriptors {
  static let all: Set<Int32> = Set((0..<1024).filter { fcntl($0, F_GETFD) >= 0 })
}

internal import Glibc

/// The right to draw on the terminal: the processes of a shell pipe share it, and only one of them may.
///
/// An advisory lock on the terminal's own device file, which the system gives up when the process ends.
struct TerminalClaim: ~Copyable {
  private var descriptor: Int32?

  mutating func holds() -> Bool {
    if descriptor != nil { return true }
    guard let name = ttyname(2) else { return true }
    let opened = open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
    guard opened >= 0 else { return true }
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      close(opened)
      return false
    }
    descriptor = opened
    return true
  }

  mutating func release() {
    if let descriptor { close(descriptor) }
    descriptor = nil
  }
}

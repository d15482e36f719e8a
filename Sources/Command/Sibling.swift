internal import Glibc

/// The program beside this one that links the tensor library.
struct Sibling {
  var path: String

  /// The program of that name in this executable's own folder; nil when it is not there or cannot be run.
  static func beside(_ name: String) -> Sibling? {
    guard let own = ownPath(), let slash = own.lastIndex(of: "/") else { return nil }
    let path = own[...slash] + name
    return access(String(path), X_OK) == 0 ? Sibling(path: String(path)) : nil
  }

  /// Becomes that program, with the same arguments and streams; comes back only when that fails.
  func exec(_ words: [String]) {
    // Whoever has chosen how threads wait has chosen how long they spin.
    let spins = getenv("OMP_WAIT_POLICY") == nil
    for (name, value) in Self.environment where spins || name != "GOMP_SPINCOUNT" { setenv(name, value, 0) }
    var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + words).map { strdup($0) }
    arguments.append(nil)
    execv(path, arguments)
    for argument in arguments { free(argument) }
  }

  /// Settings that a library reads when it is loaded, which is before our first line.
  ///
  /// What the user has set stays.
  ///
  /// The first two keep compute verbs in one shell pipe from spinning against each other: a thread that waits for another
  /// sleeps, but only after some 50 µs, as most waits are shorter than it takes to fall asleep and to be woken. The others
  /// keep large results in the heap: with glibc's defaults each is mapped anew, and faulting its pages in costs more than
  /// computing it.
  static let environment = [
    ("OMP_WAIT_POLICY", "PASSIVE"),
    ("GOMP_SPINCOUNT", "5000"),
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "2147483647"),
  ]
}

private func ownPath() -> String? {
  guard let path = realpath("/proc/self/exe", nil) else { return nil }
  defer { free(path) }
  return String(cString: path)
}

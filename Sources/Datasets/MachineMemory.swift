internal import Glibc

/// What the system gives this process of memory and address space, in bytes.
public enum MachineMemory {
  /// Memory that the process may have: the machine's, or less where a control group (a container, a batch system) says so.
  public static var resident: Int {
    let machine = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    return controlGroupLimits().filter { $0 > 0 }.reduce(machine, min)
  }

  /// Addresses that the process may use (`ulimit -v`); nil for no limit.
  public static var addressLimit: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(Int.max) else {
      return nil
    }
    return Int(limit.rlim_cur)
  }

  /// Addresses that it uses now.
  public static var addressesUsed: Int {
    let pages = content(of: "/proc/self/statm")?.split(separator: " ").first.flatMap { Int($0) } ?? 0
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// The limits of the process's control group and of all above it.
  private static func controlGroupLimits() -> [Int] {
    var limits: [Int] = []
    for line in content(of: "/proc/self/cgroup")?.split(separator: "\n") ?? [] {
      // `0::/path`, or in the first version `4:memory:/path`.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains("memory") else { continue }
      let (root, file) =
        parts[1].isEmpty ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
      var components = parts[2].split(separator: "/")
      while true {
        let text = content(of: ([root] + components.map(String.init) + [file]).joined(separator: "/"))
        if let limit = text.flatMap({ Int($0.prefix { $0 != "\n" }) }) { limits.append(limit) }
        if components.popLast() == nil { break }
      }
    }
    return limits
  }

  /// A small file of the system.
  private static func content(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = read(descriptor, &bytes, bytes.count)
    return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
